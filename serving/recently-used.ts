/** A bounded memory: what was not asked for longest goes first. */
export interface RecentlyUsed<V> {
  /** Counts as use. */
  get(id: string): V | undefined;
  set(id: string, value: V): void;
  delete(id: string): void;
}

export function createRecentlyUsed<V>(maxEntries: number): RecentlyUsed<V> {
  // A map keeps the order of insertion, and using an entry inserts it again.
  const entries = new Map<string, V>();
  return {
    get(id) {
      const value = entries.get(id);
      if (value === undefined) return undefined;
      entries.delete(id);
      entries.set(id, value);
      return value;
    },
    set(id, value) {
      entries.delete(id);
      entries.set(id, value);
      if (entries.size <= maxEntries) return;
      const [oldest] = entries.keys();
      if (oldest !== undefined) entries.delete(oldest);
    },
    delete: (id) => void entries.delete(id),
  };
}
