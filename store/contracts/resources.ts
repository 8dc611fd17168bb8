/** Applied resources and their revisions. */
import type { Resource, ResourceKind } from '../../domain/resources.js';

export interface StoredResource {
  readonly kind: ResourceKind;
  readonly name: string;
  /** 1, 2, 3…: raised by every apply that changes the document. */
  readonly revision: number;
  readonly resource: Resource;
  readonly appliedBy: string;
  readonly appliedTs: number;
}

/** Who wants to know when definitions change. */
export interface DefinitionListener {
  /** A resource was applied or deleted, or a model has another champion or a new version (kind `Model`). */
  onChange(kind: string, name: string): void;
  /** Changes may have been missed: once at the start, and whenever the connection was lost. */
  onLost(): void;
}

export interface ResourceStore {
  /** Stores a new revision unless nothing changed. `expectedRevision` makes it a compare-and-set (`PRN_RESOURCE_CONFLICT`). */
  apply(input: {
    resource: Resource;
    actor: string;
    expectedRevision?: number;
  }): Promise<StoredResource & { readonly change: 'created' | 'changed' | 'unchanged' }>;
  get(kind: ResourceKind, name: string): Promise<StoredResource | null>;
  getRevision(kind: ResourceKind, name: string, revision: number): Promise<StoredResource | null>;
  revisions(kind: ResourceKind, name: string): Promise<StoredResource[]>;
  list(kind?: ResourceKind): Promise<StoredResource[]>;
  watch(listener: DefinitionListener): Promise<{ close(): Promise<void> }>;
  delete(kind: ResourceKind, name: string, actor: string): Promise<boolean>;
}
