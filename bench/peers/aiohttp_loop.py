"""The request loop of vLLM's `bench serve` as it is known: one aiohttp session, a task per request, events split
and parsed in Python. Closed loop by a semaphore, or a constant rate by sleeping for each gap."""
import argparse, asyncio, json, time
import aiohttp

args = argparse.ArgumentParser()
args.add_argument("url")
args.add_argument("requests", type=int)
args.add_argument("--concurrency", type=int, default=32)
args.add_argument("--rate", type=float)
args.add_argument("--out")
args = args.parse_args()

PAYLOAD = {
    "model": "bench",
    "messages": [{"role": "user", "content": " word" * 64}],
    "max_tokens": 64,
    "stream": True,
    "stream_options": {"include_usage": True},
}


async def request(session: aiohttp.ClientSession) -> dict:
    ttft, itl, text, usage = 0.0, [], "", 0
    sent = latest = time.perf_counter()
    buffer = ""
    async with session.post(f"{args.url}/v1/chat/completions", json=PAYLOAD) as response:
        response.raise_for_status()
        async for chunk in response.content.iter_any():
            buffer += chunk.decode("utf-8")
            while "\n\n" in buffer:
                message, buffer = buffer.split("\n\n", 1)
                data = message.strip().removeprefix("data: ")
                if data == "[DONE]":
                    continue
                timestamp = time.perf_counter()
                event = json.loads(data)
                if choices := event.get("choices"):
                    if ttft == 0.0:
                        ttft = timestamp - sent
                    else:
                        itl.append(timestamp - latest)
                    text += choices[0]["delta"].get("content") or ""
                elif counted := event.get("usage"):
                    usage = counted["completion_tokens"]
                latest = timestamp
    return {"ttft": ttft, "itl": itl, "tokens": usage, "latency": latest - sent}


async def main() -> None:
    connector = aiohttp.TCPConnector(limit=args.concurrency if args.rate is None else 0)
    timeout = aiohttp.ClientTimeout(total=600)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        semaphore = asyncio.Semaphore(args.concurrency)

        async def limited() -> dict:
            async with semaphore:
                return await request(session)

        tasks = []
        for _ in range(args.requests):
            tasks.append(asyncio.create_task(limited() if args.rate is None else request(session)))
            if args.rate is not None:
                await asyncio.sleep(1 / args.rate)
        results = await asyncio.gather(*tasks)
    if args.out:
        with open(args.out, "w") as file:
            json.dump([result["ttft"] * 1000 for result in results], file)


asyncio.run(main())
