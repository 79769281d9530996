/**
 * Keeps unit tests pure: a test that starts a process or listens on a port fails, with what to do. `*.test.ts` then needs nothing but the
 * packages, and its verdict does not depend on what else the machine does.
 */
import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

function refused(what: string): never {
  throw new Error(`A unit test ${what}. Name its file *.integration.test.ts, or test what it does without that.`);
}

const started = () => refused('started a process');
Object.assign(childProcess, {
  exec: started,
  execFile: started,
  execFileSync: started,
  execSync: started,
  fork: started,
  spawn: started,
  spawnSync: started,
});
net.Server.prototype.listen = () => refused('listened on a port');
net.Socket.prototype.connect = () => refused('opened a connection');
syncBuiltinESMExports();
