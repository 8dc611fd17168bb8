/** What a trained form predicts, computed without the runtime that serves it. */
import { tableAnswers } from './baseline/table-model.js';
import { linearScores } from './linear/linear-model.js';
import { answersFromScores, rawScores } from './score.js';
import type { TrainedForm } from './trained-form.js';

/** Probabilities of class 1, probabilities rows × classes, or values, for the rows of a row-major matrix. */
export function predict(form: TrainedForm, matrix: Float32Array, rows: number): Float32Array {
  switch (form.kind) {
    case 'trees':
      return answersFromScores(rawScores(form.ensemble, matrix, rows), form.ensemble);
    case 'linear':
      return answersFromScores(linearScores(form.model, matrix, rows), form.model);
    case 'table':
      return tableAnswers(form.model, matrix, rows);
  }
}
