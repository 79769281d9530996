/** Has the sentinel of the stack that runs here do something. */
export async function askSentinel(path: string, portOffset: string): Promise<Response> {
  const management = `http://127.0.0.1:${9466 + Number(portOffset)}`;
  return fetch(`${management}${path}`, { method: 'POST' }).catch(() => {
    throw new Error(`Nothing answers at ${management}. Start the stack first: npm start`);
  });
}
