import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { showDocument } from './documents.ts';
import type { Answer, Answered, Visit } from './route.ts';

const ID = '11111111-1111-4111-8111-111111111111';

/** A visit of a document's reader; `order` lists what was done. */
function visit(stream: Readable, answer: (work: () => Promise<Answer>) => Promise<Answered>) {
  const order: string[] = [];
  const show = showDocument({
    database: {
      query: async <Row>() => {
        order.push('row');
        return [{ client_id: ID, sha256: Buffer.of() }] as Row[];
      },
    },
    documents: {
      read: async () => {
        order.push('file');
        return stream as never;
      },
    },
  });
  const read = () =>
    show({
      request: { params: { id: ID } },
      answer: (work: () => Promise<Answer>) => {
        order.push('transaction');
        return answer(work);
      },
    } as unknown as Visit);
  return { order, read };
}

test('a file is read and compared before the transaction, which holds a connection', async () => {
  const stream = Readable.from([]);
  const { order, read } = visit(stream, async (work) => {
    expect(await work()).toMatchObject({ audit: { client_id: ID } });
    return undefined as unknown as Answered;
  });
  await read();
  expect(order).toEqual(['row', 'file', 'transaction']);
  expect(stream.destroyed).toBe(true);
});

test('a file that was opened is closed when it cannot be recorded who reads it', async () => {
  const stream = Readable.from([]);
  const { read } = visit(stream, async () => {
    throw new Error('no audit');
  });
  await expect(read()).rejects.toThrow('no audit');
  expect(stream.destroyed).toBe(true);
});
