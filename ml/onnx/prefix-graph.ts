/** The first graph of a bundle whose model came from elsewhere: the features, handed on as that model takes them. */
import type { FeaturePlan } from '../../domain/features.js';
import { buildPrefix, featuresValueInfo, inputValueInfos, planMetadata } from '../features/plan.js';
import { TENSOR_NAMES_METADATA } from './chain.js';
import { GraphBuilder } from './graph-builder.js';
import type { OnnxGraph, OnnxValueInfo } from './writer.js';

/** How a foreign model takes its features: all as one FP32 [N,k] matrix, or each by name as FP32 [N,1]. */
export type FeatureBinding = { readonly kind: 'matrix'; readonly input: string } | { readonly kind: 'columns' };

/**
 * Inputs of the plan [N,1] each → `features` FP32 [N,k], and what the binding asks for. Inside the graph what is handed
 * on has names of its own, since a feature can be called as an input is.
 */
export function prefixGraph(plan: FeaturePlan, binding: FeatureBinding): OnnxGraph {
  const builder = new GraphBuilder();
  const features = buildPrefix(plan, builder);
  const handed = binding.kind === 'matrix' ? [binding.input] : plan.features.map(({ name }) => name);
  const width = binding.kind === 'matrix' ? plan.features.length : 1;
  const inner = (name: string): string => `handed/${name}`;
  if (binding.kind === 'matrix') builder.node('Identity', [features], { output: inner(binding.input) });
  else for (const [index, name] of handed.entries()) pickColumn(builder, { features, index, output: inner(name) });
  const outputs = handed.map((name): OnnxValueInfo => ({ name: inner(name), type: 'FLOAT', shape: [-1, width] }));
  const names = Object.fromEntries(handed.map((name) => [inner(name), name]));
  return {
    name: 'prefix',
    nodes: builder.nodes,
    initializers: builder.initializers,
    inputs: inputValueInfos(plan),
    outputs: [featuresValueInfo(plan), ...outputs],
    metadata: { ...planMetadata(plan), [TENSOR_NAMES_METADATA]: JSON.stringify(names) },
  };
}

function pickColumn(
  builder: GraphBuilder,
  { features, index, output }: { features: string; index: number; output: string },
): void {
  const column = builder.constant('INT64', [index], [1]);
  builder.node('Gather', [features, column], { attributes: { axis: { kind: 'int', value: 1 } }, output });
}
