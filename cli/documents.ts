/** Resource documents from files and folders, with file and line of each, so that a refusal can be found. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LineCounter, parseAllDocuments } from 'yaml';
import { parseResource } from '../domain/resource-errors.js';
import { ApiError } from './client.js';

/** Reads every document and checks its shape before anything is sent; throws with `file:line`. */
export function readDocuments(path: string): unknown[] {
  return filesOf(path).flatMap(readFile);
}

function filesOf(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
  } catch {
    throw new ApiError(0, 'PRN_RESOURCE_INVALID', `${path} does not exist or cannot be read.`);
  }
  const files = readdirSync(path)
    .filter((name) => /\.(ya?ml|json)$/.test(name))
    .sort();
  if (files.length === 0) throw new ApiError(0, 'PRN_RESOURCE_INVALID', `${path} holds no .yaml, .yml or .json file.`);
  return files.map((name) => join(path, name));
}

function readFile(file: string): unknown[] {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(readFileSync(file, 'utf8'), { lineCounter });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const line = lineCounter.linePos(document.contents?.range?.[0] ?? document.range[0]).line;
    const [problem] = document.errors;
    if (problem !== undefined) throw new ApiError(0, 'PRN_RESOURCE_INVALID', `${file}: ${problem.message}`);
    const content: unknown = document.toJS();
    if (content === null || content === undefined) return [];
    parseResource(content, `${file}:${line}`);
    return [content];
  });
}
