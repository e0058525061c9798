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

function messageOf(error: Error): string {
  return error.message.replace(/\s+/g, " ") || (error as NodeJS.ErrnoException).code || error.name;
}
