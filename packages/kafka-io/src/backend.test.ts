import { createServer, type AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { kafkaBackend } from './backend.js';

it('says with a code of Millrace that no broker answers', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  await expect(kafkaBackend.connect(`kafka://127.0.0.1:${port}`)).rejects.toMatchObject({
    code: 'MILLRACE_BACKEND_FAILED',
    message: expect.stringContaining(`127.0.0.1:${port}`) as string,
    cause: { kind: 'connection' },
  });
});
