/** A random UUID (version 4). `crypto.randomUUID` exists on secure origins only, this everywhere. */
export const uuid = (): string =>
  '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (digit) =>
    (+digit ^ (crypto.getRandomValues(new Uint8Array(1))[0]! & (15 >> (+digit / 4)))).toString(16),
  );

/** Random hex digits: 32 for a trace id, 16 for a span id. */
export const hexId = (digits: 32 | 16): string => uuid().replace(/-/g, '').slice(-digits);
