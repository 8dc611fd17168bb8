/** Uploads by id. Their bytes lie in the artefact store. */
import type { Upload } from '../../domain/upload.js';

export interface UploadStore {
  /** Inserts once per id; a repeat keeps the first name and prolongs the time that it is kept. */
  save(upload: Upload): Promise<Upload>;
  upload(uploadId: string): Promise<Upload | null>;
}
