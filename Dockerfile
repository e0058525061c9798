# The inference server on CPU. Models live in a volume: docker run -p 8085:8085 -v "$PWD/models:/models" -e MODEL=/models/x.gguf goodput
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm pack --pack-destination /tmp

FROM node:24-bookworm-slim
WORKDIR /app
COPY --from=build /tmp/goodput-*.tgz /tmp/goodput.tgz
# Without the GPU variants of llama.cpp, which are most of its size.
RUN npm init -y > /dev/null \
  && npm install --omit=optional /tmp/goodput.tgz node-llama-cpp@3.22.1 @node-llama-cpp/linux-x64@3.22.1 \
  && npm cache clean --force && rm /tmp/goodput.tgz
USER node
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8085
EXPOSE 8085
VOLUME /models
HEALTHCHECK --interval=10s --start-period=60s CMD ["node", "-e", "fetch('http://127.0.0.1:8085/health/live').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node_modules/.bin/goodput", "serve"]
