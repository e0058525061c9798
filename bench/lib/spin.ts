/** Does nothing but look at the clock, and prints when it saw each moment of a constant rate: what the machine allows. */
const [rate, requests] = process.argv.slice(2).map(Number) as [number, number];
const startNs = process.hrtime.bigint() + 100_000_000n;
const seen = Array.from({ length: requests }, (_, i) => {
  const dueNs = startNs + BigInt(Math.round((i * 1e9) / rate));
  let nowNs = process.hrtime.bigint();
  while (nowNs < dueNs) nowNs = process.hrtime.bigint();
  return Number(nowNs);
});
console.log(JSON.stringify(seen));
