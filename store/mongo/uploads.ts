/** Uploads: one document for each id, which holds its bytes against garbage collection. */
import { Upload } from '../../domain/upload.js';
import type { UploadStore } from '../contracts/uploads.js';
import { type Database, withoutId } from './database.js';

export function createUploadStore(database: Database): UploadStore {
  const uploads = database.collection('uploads');
  return {
    async save(upload) {
      const { keepUntilTs, ...first } = upload;
      const stored = await uploads.findOneAndUpdate(
        { _id: upload.uploadId },
        { $setOnInsert: first, $max: { keepUntilTs } },
        { upsert: true, returnDocument: 'after' },
      );
      return stored === null ? upload : Upload.parse(withoutId(stored));
    },
    async upload(uploadId) {
      const found = await uploads.findOne({ _id: uploadId });
      return found === null ? null : Upload.parse(withoutId(found));
    },
  };
}
