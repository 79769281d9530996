import nodemailer from 'nodemailer';

/** One mail; `id` becomes its Message-ID, by which the server knows a mail that is sent again. */
export interface Mail {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** `deferred`: not now; `bounced`: never; `away`: no answer about this mail, nothing is known. */
export type MailOutcome = 'sent' | 'deferred' | 'bounced' | 'away';

export interface MailServer {
  /** Never rejects. */
  send(mail: Mail): Promise<MailOutcome>;
  /** Connects and is greeted; rejects when not. */
  greet(): Promise<void>;
}

export interface MailServerOptions {
  /** `smtp://host:port`, or `smtps://` for TLS from the first byte; with a user when it wants one. */
  readonly url: string;
  readonly password?: string | undefined;
  /** Who writes. */
  readonly from: string;
  /** Milliseconds that any step may take. */
  readonly timeout?: number;
}

interface SmtpError {
  readonly code?: unknown;
  readonly command?: unknown;
  readonly responseCode?: unknown;
}

function outcomeOf(error: unknown): MailOutcome {
  const { code, command, responseCode } = (error ?? {}) as SmtpError;
  // No server was asked: with this address none can be.
  if (code === 'EENVELOPE' && command === 'API') return 'bounced';
  // Any other answer is about the connection, the account or the sender: it would be the same for every mail.
  if (command !== 'RCPT TO' && command !== 'DATA') return 'away';
  // 421: the server is about to close, which says nothing of the mail.
  if (typeof responseCode !== 'number' || responseCode === 421) return 'away';
  if (responseCode >= 500) return 'bounced';
  return responseCode >= 400 ? 'deferred' : 'away';
}

/** A connection for each mail: few mails, and no connection that died while it was idle. */
export function openMailServer({ url, password, from, timeout = 5000 }: MailServerOptions): MailServer {
  const { hostname, port, protocol, username } = new URL(url);
  const secure = protocol === 'smtps:';
  const domain = from.slice(from.indexOf('@') + 1);
  const transport = nodemailer.createTransport({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || (secure ? 465 : 587)),
    secure,
    // A password is never sent in the clear.
    requireTLS: password !== undefined && !secure,
    ...(password !== undefined && { auth: { user: decodeURIComponent(username), pass: password } }),
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send({ id, to, subject, text }) {
      try {
        // The address as an object: nothing in it is read as a name, a group or a second address.
        await transport.sendMail({
          messageId: `<${id}@${domain}>`,
          from,
          to: { name: '', address: to },
          subject,
          text,
        });
        return 'sent';
      } catch (error) {
        return outcomeOf(error);
      }
    },
    async greet() {
      await transport.verify();
    },
  };
}
