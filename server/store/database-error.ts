/** Whatever a database threw, told without its address, its password or what it was asked in SQL. */
export class DatabaseError extends Error {
  readonly code = "DATABASE_ERROR";
  readonly status = 500;
  /** What to do about it, where the one who runs the server can do something. */
  readonly hint: string | undefined;

  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = "DatabaseError";
    this.hint = options.hint;
  }
}

/** `attempt` is a sentence without its end: "The run could not be stored". */
export function databaseError(attempt: string, cause: unknown): DatabaseError {
  if (cause instanceof DatabaseError) return cause;
  const { reason, hint } = explain(cause);
  return new DatabaseError(`${attempt}: ${reason}.`, { cause, ...(hint !== undefined && { hint }) });
}

/** Whether the connection ended while it was in use; what was asked may or may not have been done. */
export function isLostConnection(error: unknown): boolean {
  const { code = "", message = "" } = (error ?? {}) as { code?: string; message?: string };
  return (
    LOST_CODES.includes(code) ||
    /^(Connection terminated|Client has encountered|Client was closed)/.test(message)
  );
}

const LOST_CODES = ["57P01", "57P02", "ECONNRESET", "EPIPE"];

interface Explanation {
  readonly reason: string;
  readonly hint?: string;
}

/** The database's own words are left out: they may hold addresses, values and, of some drivers, the password. */
function explain(cause: unknown): Explanation {
  const {
    code,
    errcode,
    message = "",
  } = (cause ?? {}) as { code?: string; errcode?: number; message?: string };
  if (errcode !== undefined) {
    return SQLITE_REASONS.get(errcode & 0xff) ?? { reason: `SQLite gave error ${errcode}` };
  }
  const known = code === undefined ? undefined : REASONS.get(code);
  if (known !== undefined) return known;
  if (/already been destroyed|not open|calling end on the pool/.test(message)) {
    return { reason: "the store is closed" };
  }
  if (/invalid time value/i.test(message)) return { reason: "it has a time that is none" };
  if (/invalid string length/i.test(message)) return TOO_LARGE;
  if (/terminated|timeout|not queryable/i.test(message)) return { reason: "the database does not answer" };
  if (/does not support SSL/i.test(message)) {
    return { reason: "PostgreSQL there speaks no TLS", hint: "Set sslmode=disable in DATABASE_URL." };
  }
  if (code !== undefined && /^[0-9A-Z]{5}$/.test(code)) return { reason: `PostgreSQL gave error ${code}` };
  return { reason: code === undefined ? "the database failed" : `the database failed with ${code}` };
}

const TOO_LARGE: Explanation = { reason: "it is too large" };
const DISK_FULL: Explanation = {
  reason: "the disk is full",
  hint: "Free some space on the database's disk.",
};
const EXISTS: Explanation = { reason: "there is one of the same id already" };

/** https://www.sqlite.org/rescode.html, the last byte. */
const SQLITE_REASONS: ReadonlyMap<number, Explanation> = new Map([
  [5, { reason: "another program has locked the file", hint: "Let one server at a time use the file." }],
  [
    8,
    {
      reason: "the file cannot be written to",
      hint: "Let the server's user write to the file and its folder, or set DATABASE_PATH to another.",
    },
  ],
  [10, { reason: "the disk reads or writes with errors" }],
  [11, { reason: "the file is damaged", hint: "Restore it from a backup, or set DATABASE_PATH to another." }],
  [13, DISK_FULL],
  [
    14,
    {
      reason: "the file cannot be opened",
      hint: "Let the server's user write to the file and its folder, or set DATABASE_PATH to another.",
    },
  ],
  [18, TOO_LARGE],
  [19, EXISTS],
  [26, { reason: "the file is no SQLite database", hint: "Set DATABASE_PATH to another file." }],
]);

const CREDENTIALS: Explanation = {
  reason: "PostgreSQL refuses the user or the password",
  hint: "Check DB_USER and DB_PASSWORD, or DATABASE_URL.",
};
const UNKNOWN_HOST: Explanation = {
  reason: "the host is not known",
  hint: "Check DB_HOST, or DATABASE_URL.",
};
const STARTING: Explanation = {
  reason: "PostgreSQL is starting or stopping",
  hint: "Try again in a moment.",
};

/** Of sockets, and of PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const REASONS: ReadonlyMap<string, Explanation> = new Map([
  [
    "ECONNREFUSED",
    {
      reason: "the connection is refused",
      hint: "Check that PostgreSQL runs and that DB_HOST and DB_PORT, or DATABASE_URL, name it.",
    },
  ],
  ["ENOTFOUND", UNKNOWN_HOST],
  ["EAI_AGAIN", UNKNOWN_HOST],
  ["ENOENT", { reason: "PostgreSQL has no socket in that folder", hint: "Check DB_HOST, or DATABASE_URL." }],
  ["ETIMEDOUT", { reason: "the database does not answer" }],
  ["EHOSTUNREACH", { reason: "the host cannot be reached" }],
  ["ENETUNREACH", { reason: "the host cannot be reached" }],
  ["ECONNRESET", { reason: "the connection was lost" }],
  ["EPIPE", { reason: "the connection was lost" }],
  ["28P01", CREDENTIALS],
  ["28000", CREDENTIALS],
  [
    "3D000",
    { reason: "PostgreSQL has no such database", hint: "Create it, or check DB_NAME, or DATABASE_URL." },
  ],
  ["42501", { reason: "the user may not do this", hint: "Let the user create tables in the database." }],
  ["23505", EXISTS],
  ["25006", { reason: "the database may only be read", hint: "Name the primary, not a replica." }],
  ["53100", DISK_FULL],
  ["53300", { reason: "PostgreSQL has no connection left", hint: "Raise its max_connections." }],
  ["54000", TOO_LARGE],
  ["57P01", { reason: "the connection was lost" }],
  ["57P02", { reason: "the connection was lost" }],
  ["57P03", STARTING],
]);
