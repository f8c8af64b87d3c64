import { withTopic, withOutput } from './dist/kafka/topics.js';
import { produce, transform, consume } from './dist/kafka/runs.js';
import { readFileSync } from 'node:fs'; import { execSync } from 'node:child_process';
const pid=execSync("pgrep -f kafka.Kafka | head -1").toString().trim();
const cpu=()=>{ const f=readFileSync(`/proc/${pid}/stat`,'utf8').split(') ')[1].split(' '); return [Number(f[11])/100,Number(f[12])/100]; };
const N=4_000_000;
await withTopic('filled', async from=>{ await produce(from,N);
 for(let r=0;r<5;r++){
  for(const [n,f] of [['lazy',()=>withOutput('pass',N,to=>transform(from,to,'at-least-once'))],['consume',()=>consume(from,N,{reads:'lazy'})],['produce',()=>withOutput('p',N,to=>produce(to,N))]]){
  const a=cpu(); const m=await f(); const b=cpu();
  console.log(n,(N/m.seconds/1e6).toFixed(2)+'M/s','ours/M',(m.cpuSeconds/N*1e6).toFixed(3),'broker/M user',((b[0]-a[0])/N*1e6).toFixed(3),'sys',((b[1]-a[1])/N*1e6).toFixed(3)); } }});
