import { printBytes, printDuration } from '../../core/units.ts';
import { COST_ALWAYS } from '../../job/model/properties.ts';
import type { JobView } from '../../job/model/view.ts';
import { printFlags } from '../input/flags.ts';
import { COST_FLAGS, NOTIFY_FLAGS, PEER_CACHING_FLAGS, SECURITY_FLAGS } from '../input/job-flags.ts';
import { plain, type Row } from './table.ts';

/** The properties of a job that can be set, and what it proves itself with, as far as that may be shown. */
export function propertyRows({ properties, credentials, clientCertificate }: JobView): Row[] {
  const { proxy, notifyCommand, webhook, customHeaders, maxDownloadSize } = properties;
  const proxies = [proxy.usage, proxy.list.join(','), proxy.bypass.join(',')].join(' ');
  const command = notifyCommand === null ? 'none' : [notifyCommand.program, ...notifyCommand.parameters].join(' ');
  return [
    ['retry delay', secondsText(properties.minimumRetryDelaySeconds)],
    ['no-progress timeout', secondsText(properties.noProgressTimeoutSeconds)],
    ['download time', maximumText(properties.maximumDownloadTimeSeconds)],
    ['download size', maxDownloadSize === null ? 'not limited' : `at most ${printBytes(maxDownloadSize)}`],
    ['notifications', printFlags(properties.notifyFlags, NOTIFY_FLAGS)],
    ['notify at most every', printDuration(properties.minimumNotificationIntervalMs)],
    ['notify command', plain(command, 1000)],
    ['webhook', plain(webhook?.url ?? 'none', 1000)],
    ['headers', customHeaders === null ? 'hidden' : plain(Object.keys(customHeaders).join(', ') || 'none', 1000)],
    ['method', properties.httpMethod],
    ['proxy', plain(proxies.trim(), 1000)],
    ['security', printFlags(properties.securityFlags, SECURITY_FLAGS)],
    ['neighbours', printFlags(properties.peerCachingFlags, PEER_CACHING_FLAGS)],
    ['network costs', properties.costFlags === COST_ALWAYS ? 'always' : printFlags(properties.costFlags, COST_FLAGS)],
    ['modes', modesText(properties)],
    ['credentials', credentials.map(credentialText).join(', ') || 'none'],
    ['client certificate', clientCertificate === null ? 'none' : plain(clientCertificate.subject)],
  ];
}

function secondsText(seconds: number): string {
  return printDuration(seconds * 1000);
}

function maximumText(seconds: number | null): string {
  return seconds === null ? 'as the policy says' : `at most ${secondsText(seconds)}`;
}

function modesText(properties: JobView['properties']): string {
  const modes = {
    'dynamic content': properties.dynamicContent,
    'high performance': properties.highPerformance,
    'on demand': properties.onDemandMode,
    'completes itself': properties.autoComplete,
  };
  return (
    Object.entries(modes)
      .flatMap(([name, on]) => (on ? [name] : []))
      .join(', ') || 'none'
  );
}

function credentialText({ target, scheme, user }: JobView['credentials'][number]): string {
  return user === null ? `${scheme} for ${target}` : `${scheme} for ${target} as ${plain(user, 300)}`;
}
