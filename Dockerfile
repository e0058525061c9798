# The inference server. On the processor:       docker build -t goodput .
#                       On NVIDIA's graphics cards: docker build --build-arg GPU=cuda -t goodput:cuda .
# Models live in a volume: docker run -p 8085:8085 -v goodput-models:/models -e MODEL=/models/x.gguf goodput
# So do load tests and their database: mkdir -p data && docker run -p 8085:8085 --user "$(id -u)" -v "$(pwd)/data:/data" goodput
ARG GPU=off
ARG NODE_VERSION=24.19.0
ARG CUDA_VERSION=13.0.1

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm pack --pack-destination /tmp

FROM node:${NODE_VERSION}-bookworm-slim AS on-off

# Node comes from its own image: the card's one has only libraries, and Ubuntu's first user has the same number.
FROM nvidia/cuda:${CUDA_VERSION}-runtime-ubuntu24.04 AS on-cuda
COPY --from=build /usr/local/bin /usr/local/bin
COPY --from=build /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN userdel --remove ubuntu && useradd --create-home --uid 1000 node

FROM on-${GPU}
ARG GPU
WORKDIR /app
COPY --from=build /tmp/goodput-*.tgz /tmp/goodput.tgz
# Of llama.cpp's builds only those for this processor and this card, since all of them are most of a gigabyte.
RUN npm init -y > /dev/null \
  && cuda=$(test "$GPU" != cuda || echo @node-llama-cpp/linux-x64-cuda@3.22.1) \
  && npm install --omit=optional /tmp/goodput.tgz node-llama-cpp@3.22.1 "@node-llama-cpp/linux-$(node -p process.arch)@3.22.1" $cuda \
  && npm cache clean --force && rm /tmp/goodput.tgz
RUN mkdir -p /models /data && chown node:node /models /data
USER node
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8085 GPU=${GPU} MODELS_DIR=/models DATA_DIR=/data DATABASE_PATH=/data/benchmarks.db
EXPOSE 8085
VOLUME /models /data
# Healthy is who answers: as long as a model downloads or loads it is starting.
HEALTHCHECK --interval=10s --timeout=5s --start-period=1h --retries=3 CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node_modules/.bin/goodput", "serve"]
