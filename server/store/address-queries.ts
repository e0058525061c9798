/**
 * The whole addresses of instances, for as long as the process lives. A query may hold a key, and no key is ever
 * written to a database: after a restart an instance is asked without it, until it is collected again.
 */
export class AddressQueries {
  readonly #most: number;
  /** By the instance's id, the one that was remembered longest ago first. */
  readonly #addresses = new Map<string, string>();

  constructor(most: number) {
    this.#most = most;
  }

  remember(instanceId: string, address: string): void {
    this.#addresses.delete(instanceId);
    if (withoutQuery(address) === address) return;
    this.#addresses.set(instanceId, address);
    const [oldest] = this.#addresses.keys();
    if (this.#addresses.size > this.#most) this.#addresses.delete(oldest!);
  }

  forget(instanceId: string): void {
    this.#addresses.delete(instanceId);
  }

  /** With its query, if that is known of this very address. */
  whole(instanceId: string, address: string): string {
    const known = this.#addresses.get(instanceId);
    return known !== undefined && withoutQuery(known) === address ? known : address;
  }
}

export function withoutQuery(address: string): string {
  return address.split(/[?#]/, 1)[0]!;
}
