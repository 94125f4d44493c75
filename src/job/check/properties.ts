import { isAbsolute } from 'node:path';
import type { BitsCode } from '../../core/bits-codes.ts';
import { NearbitsError } from '../../core/errors.ts';
import { parseOriginUrl } from '../../core/url.ts';
import { checkRequestHeaders } from '../../origin/request-headers.ts';
import type { JobPropertiesChange, JobProxy, NotifyCommand } from '../model/properties.ts';

/** Most characters of all custom headers, each written as `name: value` with its line end (BITS: SetCustomHeaders). */
export const MAX_HEADER_CHARACTERS = 16_384;
/** Most characters of a list of proxies, or of hosts without proxy, written in one line (BITS: SetProxySettings). */
export const MAX_PROXY_LIST_CHARACTERS = 32_768;
/** Most characters of all parameters of a notify command, written in one line (BITS: SetNotifyCmdLine). */
export const MAX_PARAMETER_CHARACTERS = 4000;

const CONTROLS = /\p{Cc}/u;
/** Their answers have no body, so they deliver no file. */
const METHODS_WITHOUT_FILE: ReadonlySet<string> = new Set(['CONNECT', 'HEAD']);

/**
 * Checks what the schema of the properties cannot say: how values go together and the codes of BITS for lists that are
 * too long. Properties that are absent are not looked at. Whether the administrator allows a notify command is judged
 * where it is run.
 * @throws NearbitsError with the code that the setter of BITS returns; `details.property` names the property.
 */
export function checkProperties(change: JobPropertiesChange): void {
  if (change.httpMethod !== undefined && METHODS_WITHOUT_FILE.has(change.httpMethod)) {
    throw refuse('httpMethod', 'E_INVALIDARG', `no file can be fetched with ${change.httpMethod}`);
  }
  if (change.customHeaders !== undefined) checkHeaders(change.customHeaders);
  if (change.proxy !== undefined) checkProxy(change.proxy);
  if (change.notifyCommand) checkCommand(change.notifyCommand);
  if (change.webhook) checkWebhook(change.webhook.url);
}

function checkHeaders(headers: Readonly<Record<string, string>>): void {
  let characters = 0;
  for (const [name, value] of Object.entries(headers)) characters += `${name}: ${value}\r\n`.length;
  // BITS counts the character that ends the text.
  if (characters + 1 > MAX_HEADER_CHARACTERS) {
    throw refuse('customHeaders', 'BG_E_STRING_TOO_LONG', `${characters} characters; at most ${MAX_HEADER_CHARACTERS}`);
  }
  try {
    checkRequestHeaders(headers);
  } catch (error) {
    throw error instanceof NearbitsError ? refuse('customHeaders', 'E_INVALIDARG', error.message) : error;
  }
}

function checkProxy({ usage, list, bypass }: JobProxy): void {
  if (usage === 'AUTODETECT') {
    throw refuse('proxy', 'E_NOTIMPL', 'proxies are not detected here', 'Use PRECONFIG, NO_PROXY or OVERRIDE.');
  }
  if (usage !== 'OVERRIDE' && list.length + bypass.length > 0) {
    throw refuse('proxy', 'E_INVALIDARG', `lists belong to OVERRIDE, not to ${usage}`);
  }
  if (usage === 'OVERRIDE' && list.length === 0)
    throw refuse('proxy', 'E_INVALIDARG', 'OVERRIDE needs a list of proxies');
  checkProxyList(list, 'BG_E_PROXY_LIST_TOO_LARGE');
  checkProxyList(bypass, 'BG_E_PROXY_BYPASS_LIST_TOO_LARGE');
  if (list.some((proxy) => proxy.includes('@'))) {
    throw refuse(
      'proxy',
      'E_INVALIDARG',
      'a proxy holds a user name',
      'Set credentials for PROXY: they are not shown.',
    );
  }
}

function checkProxyList(list: readonly string[], tooLarge: BitsCode): void {
  const characters = list.join(' ').length;
  if (characters > MAX_PROXY_LIST_CHARACTERS) {
    throw refuse('proxy', tooLarge, `a list has ${characters} characters; at most ${MAX_PROXY_LIST_CHARACTERS}`);
  }
  if (list.some((entry) => entry === '' || /\s/.test(entry) || CONTROLS.test(entry))) {
    throw refuse('proxy', 'E_INVALIDARG', 'an entry is empty or holds spaces or control characters');
  }
}

function checkCommand({ program, parameters }: NotifyCommand): void {
  if (!isAbsolute(program)) {
    throw refuse('notifyCommand', 'E_INVALIDARG', 'the program is not an absolute path', 'No PATH is searched.');
  }
  const characters = parameters.join(' ').length;
  if (characters > MAX_PARAMETER_CHARACTERS) {
    const most = `at most ${MAX_PARAMETER_CHARACTERS}`;
    throw refuse('notifyCommand', 'BG_E_STRING_TOO_LONG', `the parameters have ${characters} characters; ${most}`);
  }
  if ([program, ...parameters].some((text) => text.includes('\0'))) {
    throw refuse('notifyCommand', 'E_INVALIDARG', 'no text of a command can hold a NUL');
  }
}

function checkWebhook(url: string): void {
  try {
    parseOriginUrl(url);
  } catch (error) {
    throw error instanceof NearbitsError ? refuse('webhook', 'E_INVALIDARG', error.message, error.hint) : error;
  }
}

function refuse(property: string, code: BitsCode, message: string, hint?: string): NearbitsError {
  return new NearbitsError(code, `${property}: ${message}`, {
    details: { property },
    ...(hint === undefined ? {} : { hint }),
  });
}
