"""A request loop on httpx, which GuideLLM stands on: lines of the stream one by one, each event parsed."""
import argparse, asyncio, json, time
import httpx

args = argparse.ArgumentParser()
args.add_argument("url")
args.add_argument("requests", type=int)
args.add_argument("--concurrency", type=int, default=32)
args.add_argument("--out")
args = args.parse_args()

PAYLOAD = {
    "model": "bench",
    "messages": [{"role": "user", "content": " word" * 64}],
    "max_tokens": 64,
    "stream": True,
}


async def request(client: httpx.AsyncClient) -> float:
    ttft, text = 0.0, ""
    sent = time.perf_counter()
    async with client.stream("POST", f"{args.url}/v1/chat/completions", json=PAYLOAD) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if not line.startswith("data:") or line == "data: [DONE]":
                continue
            event = json.loads(line[5:])
            if choices := event.get("choices"):
                content = choices[0]["delta"].get("content")
                if content and ttft == 0.0:
                    ttft = time.perf_counter() - sent
                text += content or ""
    return ttft * 1000


async def main() -> None:
    limits = httpx.Limits(max_connections=args.concurrency, max_keepalive_connections=args.concurrency)
    async with httpx.AsyncClient(limits=limits, timeout=600) as client:
        remaining = iter(range(args.requests))

        async def slot() -> list[float]:
            return [await request(client) for _ in remaining]

        slots = await asyncio.gather(*(slot() for _ in range(args.concurrency)))
    if args.out:
        with open(args.out, "w") as file:
            json.dump([ttft for slot in slots for ttft in slot], file)


asyncio.run(main())
