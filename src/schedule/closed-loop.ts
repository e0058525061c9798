/**
 * Keeps `concurrency` requests in flight: each slot sends its next request the moment its last one ended.
 * A closed loop slows down with the server, so it finds what the server can do, not what users would see.
 *
 * @param take gives the next request's index, or undefined when nothing more is to be sent; it is told
 *   when the slot that asks became free.
 * @param send resolves with the moment its request ended; that moment is when its slot became free, and
 *   the next request counts from there.
 */
export async function closedLoop(
  concurrency: number,
  startNs: number,
  take: (freeAtNs: number) => number | undefined,
  send: (index: number, scheduledNs: number) => Promise<number>,
): Promise<void> {
  const slot = async () => {
    let freeAtNs = startNs;
    for (let index = take(freeAtNs); index !== undefined; index = take(freeAtNs)) {
      freeAtNs = await send(index, freeAtNs);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, slot));
}
