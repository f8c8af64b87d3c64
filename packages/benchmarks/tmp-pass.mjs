import { withTopic, withOutput } from './dist/kafka/topics.js';
import { produce, transform, consume } from './dist/kafka/runs.js';
const N=Number(process.env.N??2_000_000), D=process.env.D??'at-least-once', K=process.env.K??'lazy';
let ver=false;
await withTopic('filled', async from=>{ await produce(from,N);
 for(let r=0;r<Number(process.env.R??8);r++){
  if(process.env.C){ const m=await consume(from,N,{reads:K}); console.log('consume',(N/m.seconds/1e6).toFixed(2)+'M/s cpu/M '+(m.cpuSeconds/N*1e6).toFixed(3)); continue; }
  const m=await withOutput('pass',N,to=>transform(from,to,D,K));
  console.log('R',(N/m.seconds/1e6).toFixed(2)+'M/s',m.seconds.toFixed(3),'cpu/M '+(m.cpuSeconds/N*1e6).toFixed(3)); }});
