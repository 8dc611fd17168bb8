/** One POST with a file as its body, read as it goes out. The answer may come before all is sent: then sending stops. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

export interface FileToSend {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly file: string;
}

export async function sendFile({ url, headers, file }: FileToSend): Promise<{ status: number; text: string }> {
  const found = await stat(file);
  if (!found.isFile()) throw Object.assign(new Error('it is no file'), { path: file });
  const { size } = found;
  const send = url.startsWith('https:') ? requestHttps : requestHttp;
  const about = { 'content-type': 'application/octet-stream', 'content-length': size };
  return new Promise((resolve, reject) => {
    const sent = send(url, { method: 'POST', headers: { ...headers, ...about } });
    const content = createReadStream(file);
    let answered = false;
    sent.on('response', (response) => {
      answered = true;
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        content.destroy();
        sent.destroy();
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') });
      });
    });
    // What breaks after the answer began is only the rest of what nobody wanted any more.
    sent.on('error', (error) => {
      content.destroy();
      if (!answered) reject(error);
    });
    content.on('error', (error) => {
      sent.destroy();
      reject(error);
    });
    content.pipe(sent);
  });
}
