/** Resource documents from files and folders, with file and line of each, so that a refusal can be found. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, LineCounter, parseAllDocuments } from 'yaml';
import { parseResource } from '../domain/resource-errors.js';
import type { Resource } from '../domain/resources.js';
import { ApiError } from './client.js';

/** A document that has the shape of its kind, as it was written and as it was understood, with its `file:line`. */
export interface ReadDocument {
  readonly content: unknown;
  readonly resource: Resource;
  readonly where: string;
}

/** Reads every document and checks its shape before anything is sent; throws with `file:line`. */
export function readDocuments(path: string): unknown[] {
  return readResources(path).map(({ content }) => content);
}

/** The same with what was understood. Files whose path `skip` is true for are left out. */
export function readResources(path: string, skip: (file: string) => boolean = () => false): ReadDocument[] {
  return filesOf(path)
    .filter((file) => !skip(file))
    .flatMap(readFile);
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

function readFile(file: string): ReadDocument[] {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(readFileSync(file, 'utf8'), { lineCounter });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const line = lineCounter.linePos(document.contents?.range?.[0] ?? document.range[0]).line;
    const [problem] = document.errors;
    if (problem !== undefined) throw new ApiError(0, 'PRN_RESOURCE_INVALID', `${file}: ${problem.message}`);
    const content = contentOf(document, file);
    if (content === null || content === undefined) return [];
    const where = `${file}:${line}`;
    return [{ content, resource: parseResource(content, where), where }];
  });
}

/** Aliases are followed only here, and only so far: a few lines of them can stand for gigabytes. */
function contentOf(document: Document, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new ApiError(0, 'PRN_RESOURCE_INVALID', `${file}: ${problem}`);
  }
}
