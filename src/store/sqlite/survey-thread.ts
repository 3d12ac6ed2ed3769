// A thread that reads the store for surveys: a statement comes as a message, and its rows go back.

import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { Answer, Question } from './survey.ts';

const statementsMax = 100;
const waitMostMs = 10_000;

const database = new DatabaseSync(String(workerData), { readOnly: true, timeout: waitMostMs });
const prepared = new Map<string, StatementSync>();

function statementOf(sql: string): StatementSync {
  const known = prepared.get(sql);
  if (known) return known;
  if (prepared.size >= statementsMax) prepared.clear();
  const statement = database.prepare(sql);
  prepared.set(sql, statement);
  return statement;
}

function answerTo({ id, sql, parameters }: Question): Answer {
  try {
    return { id, rows: statementOf(sql).all(...(parameters as SQLInputValue[])) };
  } catch (error) {
    const { message, errcode } = error as Error & { errcode?: number };
    return { id, failure: { message, errcode } };
  }
}

parentPort?.on('message', (question: Question) => parentPort?.postMessage(answerTo(question)));
