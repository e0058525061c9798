/** One thread, one comparison: see compare-in-thread.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { compareResults } from "../../../src/index.ts";
import type { ToCompare } from "./compare-in-thread.ts";

const { base, heads } = workerData as ToCompare;
parentPort?.postMessage(heads.map((head) => compareResults(base, head)));
