import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { otlpLogs, events } from '/work/main/test/slow-events.ts';
const S='/tmp/live', B='/tmp/eng/bin/';
const kids: Record<string, ReturnType<typeof spawn>> = {};
import { openSync, readFileSync } from 'node:fs';
const run=(n:string,cmd:string,args:string[],env={})=>{const f=openSync(`${S}/${n}.log`,'a');kids[n]=spawn(cmd,args,{stdio:['ignore',f,f],env:{...process.env,...env}})};
const hooks:{at:number,path:string,alerts:{status:string,name:string,metric?:string}[]}[]=[];
createServer((q,r)=>{let b='';q.on('data',d=>b+=d);q.on('end',()=>{const j=JSON.parse(b||'{}');hooks.push({at:Date.now(),path:q.url!,alerts:(j.alerts??[]).map((a:any)=>({status:a.status,name:a.labels.alertname,metric:a.labels.metric}))});r.end()})}).listen(48087,'127.0.0.1');
createServer((q,r)=>{r.setHeader('content-type','application/openmetrics-text; version=1.0.0');r.end(`# TYPE operation_duration_seconds histogram
operation_duration_seconds_bucket{metric="page_load",source="browser",le="3"} 1 # {trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"} 2.5
operation_duration_seconds_bucket{metric="page_load",source="browser",le="+Inf"} 1
operation_duration_seconds_sum{metric="page_load",source="browser"} 2.5
operation_duration_seconds_count{metric="page_load",source="browser"} 1
# EOF
`)}).listen(49464,'127.0.0.1');
const prom=()=>run('prom',B+'prometheus',['--config.file='+S+'/prom/prometheus.yml','--storage.tsdb.path='+S+'/prom-data','--web.listen-address=127.0.0.1:49090','--web.enable-otlp-receiver','--enable-feature=exemplar-storage']);
prom();
const am=()=>run('am',B+'alertmanager',['--config.file='+S+'/am/alertmanager.yml','--storage.path='+S+'/am-data','--web.listen-address=127.0.0.1:49093','--cluster.listen-address=','--enable-feature=utf8-strict-mode']); am();
const tempo=()=>run('tempo',B+'tempo',['-config.file='+S+'/tempo/tempo.yaml']); tempo();
run('col',B+'collector',['--config='+S+'/col/config.yaml','--config='+S+'/col/allow-list.yaml']);
run('rec','/work/main/node_modules/node/bin/node',['/work/main/services/slow-event-recorder/src/server.ts'],{LISTEN:'127.0.0.1:48085',MANAGEMENT_LISTEN:'127.0.0.1:49465',DATABASE_FILE:S+'/rec.sqlite',PROMETHEUS_URLS:'http://127.0.0.1:49090'});
run('pager','/work/main/node_modules/node/bin/node',['/work/main/services/pager/src/server.ts'],{LISTEN:'127.0.0.1:47087',MANAGEMENT_LISTEN:'127.0.0.1:49467',DATABASE_FILE:S+'/pages.sqlite',RUNBOOKS:'/work/main/runbooks',RECORDER_URL:'http://127.0.0.1:48085',TRACE_URL:'http://localhost:3200/api/traces/{trace_id}'});
process.on('unhandledRejection',(e)=>{console.error(e);for(const k of Object.values(kids))k.kill('SIGKILL');process.exit(1)});
const q=async(e:string)=>(await (await fetch('http://127.0.0.1:49090/api/v1/query?query='+encodeURIComponent(e))).json() as any).data?.result?.map((r:any)=>JSON.stringify(r.metric)+' '+r.value[1]);
const waitFor=async(f:()=>any,ms=40000)=>{const t=Date.now();for(;;){try{const x=await f();if(x)return x}catch{} if(Date.now()-t>ms){for(const k of Object.values(kids))k.kill('SIGKILL');console.error('timeout '+f);process.exit(1)};await sleep(20)}};
await waitFor(async()=>(await fetch('http://127.0.0.1:49090/-/ready')).ok); await waitFor(async()=>(await fetch('http://127.0.0.1:33133/')).ok); await waitFor(async()=>(await fetch('http://127.0.0.1:43200/ready')).ok);
process.on('uncaughtException',(e)=>{console.error(e);for(const k of Object.values(kids))k.kill('SIGKILL');process.exit(1)});
console.log('up');

const seen=async(n:string,ms:number)=>{await waitFor(()=>hooks.some(h=>h.alerts.some(a=>a.name===n)),ms)};
await waitFor(async()=>(await q('slow_event_outbox_depth'))?.length);await waitFor(async()=>(await q('otelcol_exporter_queue_size'))?.length);
let t=Date.now();kids.rec!.kill('SIGKILL');
await fetch('http://127.0.0.1:44318/v1/logs',{method:'POST',headers:{'content-type':'application/json'},body:otlpLogs(events(6,{metric:'page_load',durationMs:4000}))});
await seen('SlowEventRecorderAbsent',200000);console.log('recorder SIGKILL -> SlowEventRecorderAbsent page ms',Date.now()-t);
console.log('pending/firing',await q('ALERTS'));
t=Date.now();run('rec','/work/main/node_modules/node/bin/node',['/work/main/services/slow-event-recorder/src/server.ts'],{LISTEN:'127.0.0.1:48085',MANAGEMENT_LISTEN:'127.0.0.1:49465',DATABASE_FILE:S+'/rec.sqlite',PROMETHEUS_URLS:'http://127.0.0.1:49090'});
await seen('SlowEvents',30000);console.log('recorder back -> SlowEvents page of the six that waited ms',Date.now()-t);
t=Date.now();kids.col!.kill('SIGKILL');await seen('CollectorDown',200000);console.log('Collector SIGKILL -> CollectorDown page ms',Date.now()-t);
await sleep(150000);console.log('firing',await q('ALERTS{alertstate="firing"}'));
console.log('all hooks',JSON.stringify(hooks.filter(h=>h.path!=='/watchdog')));
for(const k of Object.values(kids))k.kill('SIGKILL');process.exit();
