import { setImmediate } from "node:timers/promises";
import { MOST_CONNECTIONS } from "./database.ts";
import { databaseError, isLostConnection } from "./database-error.ts";

/** `what` is a sentence without its end: "The run cannot be stored". */
export async function attempt<Value>(what: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw databaseError(what, error);
  }
}

/**
 * For what may be done twice: a connection that broke while it lay idle is noticed only when it is used, and a
 * result that took an hour to measure is not lost to that. `work` is told whether it may have been done before.
 */
export async function again<Value>(what: string, work: (retried: boolean) => Promise<Value>): Promise<Value> {
  for (let tries = 1; ; tries++) {
    try {
      return await work(tries > 1);
    } catch (error) {
      if (tries === TRIES || !isLostConnection(error)) throw databaseError(what, error);
      // Lets the pool hear of the others that broke with it.
      await setImmediate();
    }
  }
}

/** Each connection may fail twice, with the server's farewell and with its end, before a new one is made. */
const TRIES = 2 * MOST_CONNECTIONS + 1;
