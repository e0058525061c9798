import { isClientLimit } from "./client-limit.ts";

/** Why nobody could be reached, in words; what the system's codes do not tell is the error's own message. */
export function connectionFailure(error: Error): string {
  if (isClientLimit(error)) return `this machine can open no more connections (${messageOf(error)})`;
  switch ((error as NodeJS.ErrnoException).code) {
    case "ECONNREFUSED":
      return "the connection was refused";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "the name does not resolve";
    case "UND_ERR_CONNECT_TIMEOUT":
      return "connecting timed out";
    default:
      return messageOf(error);
  }
}

/** In one line; of a connection that never had an address of its own Node says so in words that tell nobody anything. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = error.message.replace(/\s+/g, " ").replace(" - Local (undefined:undefined)", "");
  return message || (error as NodeJS.ErrnoException).code || error.name;
}
