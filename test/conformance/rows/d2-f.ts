import { changed, elsewhere, type Row, section, windows } from './row.ts';

const validation = section('D.2', {
  'complete/implicit': 'Complete validates files that nobody judged, and neighbours can have them then',
  'valid/at-once': 'a file judged valid can be had at once, before Complete',
  'invalid/origin': 'a file from the origin judged invalid: ERROR BG_E_VALIDATION_FAILED, progress 0',
  'invalid/peer': 'a file from a neighbour judged invalid is fetched again from the origin alone, progress 0',
  'invalid/peer-told': 'its owner is told a second time that the file is there',
  'pending/early': 'a verdict before the file is there is E_PENDING',
  'record/deleted': changed(
    'a verdict about a record that is gone is BG_E_RECORD_DELETED',
    'file and record lie apart: the verdict is taken',
  ),
  'unknown/before': changed('before any verdict a file counts as not valid', 'three states: unknown, valid, invalid'),
  'resume/again': 'a job in error because of a verdict can be resumed and downloads again',
  'off/valid-stays': 'switching caching off for a job leaves records that are valid',
  'off/others-go': 'and removes the others',
  'table/downloading': 'while it is fetched a file cannot be had by neighbours and is not in the list of records',
  'table/transferred': changed(
    'a transferred file without a verdict is listed, but cannot be had',
    'it becomes a record with its verdict, so it is not listed before',
  ),
  'table/valid': 'a valid file is listed as such and can be had',
  'table/invalid': 'an invalid one is neither listed nor can be had',
});

const events = section('F', {
  'flag/transferred': '1: the whole job is there',
  'flag/error': '2: the job is in ERROR, never for transient errors',
  'flag/disable': '4: nothing is told',
  'flag/modification': '8: properties and progress, with spacing',
  'flag/modification-end': 'not for the changes to ERROR and TRANSFERRED',
  'flag/file': '0x10: one file is there',
  'flag/ranges': '0x20: ranges that were asked for are there',
  'delivery/late': 'who listens only after the event is told too',
  'delivery/again': 'what is not acknowledged is told again',
  'delivery/acknowledged': 'what is acknowledged is not',
  'delivery/last-wins': 'the last webhook set is the one that is told',
  'delivery/taken-over': windows(
    'a job that was taken over tells in the context of who registered',
    'COM security contexts',
  ),
  'delivery/restart': changed('a class is remembered over restarts, an interface is not', 'webhooks are remembered'),
  'delivery/owner': 'only the owner and administrators are told',
  'order/file-first': 'a file is told before the job',
  'order/file-one-by-one': 'the files of a job are told one at a time',
  'retry/webhook': 'a webhook that fails is called again until it succeeds',
  'retry/command': 'with a command set, a webhook that fails gives way to the command and is not called again',
  'retry/both': 'both fail: again after the minimum retry delay',
  'limit/four': 'at most four calls for a user at a time; four that hang hold up the others of that user',
  'limit/per-user': 'and of nobody else',
  'inactivity/gone': elsewhere(
    'without Complete or Cancel the job is gone after 90 days',
    'takes 90 days: test/integration/job-spans.test.ts',
  ),
});

const command = section('F', {
  'command/allowed': changed(
    'any program can be run',
    'only programs the administrator lists; an event tells of others',
  ),
  'command/transferred': 'it runs when the job is transferred',
  'command/error': 'it runs when the job is in error',
  'command/not-modification': 'it does not run for modifications',
  'command/after-webhook': 'it does not run when the webhook succeeded',
  'command/first-parameter': windows('the first parameter repeats the program', 'command lines are one string there'),
  'command/removed': 'null removes it',
  'command/no-program': 'parameters without a program are E_INVALIDARG',
  'command/no-expansion': 'variables are not replaced',
  'command/no-path': 'no search: a program that is no absolute path is E_INVALIDARG',
  'command/as-user': windows('it runs as the owner', 'the service is the system there; here it runs as the node'),
  'command/exit-code': 'an exit code other than 0 runs it again after the minimum retry delay',
  'command/late': 'set after the event it still runs',
  'command/service-account': windows('not for service accounts', 'service accounts'),
});

export const D2: readonly Row[] = validation;
export const F: readonly Row[] = [...events, ...command];
