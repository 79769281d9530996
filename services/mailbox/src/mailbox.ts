import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { SMTPServer } from 'smtp-server';

/** What became of a mail that was taken. */
export type Outcome = 'delivered' | 'bounced' | 'deferred';

export interface MailboxOptions {
  /** Called for each mail, once however often it is sent: its id, and what becomes of it, in order. */
  readonly taken: (id: string, outcomes: readonly Outcome[]) => void;
}

export interface Mailbox {
  readonly counts: { readonly taken: number; readonly repeated: number; readonly refused: number };
  /** Resolves with the port. */
  listen(port: number, host: string): Promise<number>;
  close(): Promise<void>;
}

/** Bytes of a mail, and of it what is searched for the id. */
const MAX_SIZE = 100_000;
const MAX_HEADER = 8_192;
/** Ids that are remembered, so that a mail sent again is not delivered again. */
const MAX_IDS = 100_000;

const MESSAGE_ID = /^message-id:\s*<([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@[^>\r\n]*>/im;

/** Reads a mail to its end, and keeps of it the id. */
async function idOf(mail: Readable): Promise<string | undefined> {
  let header = '';
  for await (const chunk of mail) {
    if (header.length < MAX_HEADER) header += String(chunk).slice(0, MAX_HEADER - header.length);
  }
  return MESSAGE_ID.exec(header)?.[1];
}

function outcomesFor(recipient: string): readonly Outcome[] {
  if (recipient.startsWith('bounce-')) return ['bounced'];
  return recipient.startsWith('later-') ? ['deferred', 'delivered'] : ['delivered'];
}

const refusal = (responseCode: number, text: string) => Object.assign(new Error(text), { responseCode });

/**
 * An SMTP server that delivers nowhere and keeps no mail. The recipient's name says what happens: `defer-…` is refused for now (451),
 * `bounce-…` is taken and bounces, `later-…` is deferred and then delivered, everything else is delivered.
 */
export function createMailbox({ taken }: MailboxOptions): Mailbox {
  const counts = { taken: 0, repeated: 0, refused: 0 };
  const ids = new Set<string>();
  const server = new SMTPServer({
    // It listens where only the clinic reaches it, and holds nothing.
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    size: MAX_SIZE,
    maxClients: 20,
    closeTimeout: 1000,
    onRcptTo({ address }, _session, answer) {
      if (!address.startsWith('defer-')) return answer();
      counts.refused++;
      answer(refusal(451, 'Try again later'));
    },
    onData(mail, { envelope: { rcptTo } }, answer) {
      const recipient = rcptTo[0]?.address ?? '';
      idOf(mail).then((id) => {
        if (mail.sizeExceeded || id === undefined) {
          counts.refused++;
          return answer(
            refusal(554, mail.sizeExceeded ? 'The mail is too large' : 'The mail has no Message-ID of ours'),
          );
        }
        if (ids.has(id)) counts.repeated++;
        else {
          ids.add(id);
          if (ids.size > MAX_IDS) ids.delete(ids.values().next().value!);
          counts.taken++;
          taken(id, outcomesFor(recipient));
        }
        answer();
      }, answer);
    },
  });
  // A client that goes away; there is nothing to do about it.
  server.on('error', () => {});
  return {
    counts,
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.server.once('error', reject);
        server.listen(port, host, () => resolve((server.server.address() as AddressInfo).port));
      }),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
