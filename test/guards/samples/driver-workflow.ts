import { MongoClient } from 'mongodb';

/** What a workflow must never do; the bundle guard proves that it is refused. */
export async function driverWorkflow(): Promise<string> {
  return new MongoClient('mongodb://127.0.0.1').options.appName ?? 'none';
}
