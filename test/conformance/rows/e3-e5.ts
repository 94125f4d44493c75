import { changed, elsewhere, type Row, section, upload, windows } from './row.ts';

const THROTTLE = 'limits on bandwidth';

const scheduling = section('E.3', {
  'foreground/all': 'all foreground jobs run at once',
  'background/one': 'beside them one background job runs',
  'files/in-turn': 'the files of a job are fetched one after another',
  'preempt/higher-first': 'a higher level preempts a lower one',
  'preempt/keeps-bytes': 'a preempted job keeps what it has',
  'level/exhausted': 'a lower level waits until the jobs above are transferred or in error',
  'level/round-robin': 'equal jobs take turns by time slice',
  'level/first-come': 'without slices equal jobs run roughly in the order they were resumed',
  'slice/length': changed(
    'the length of a slice is not published',
    'it is the setting jobs.timeSlice, 30 s by default',
  ),
  'bandwidth/idle': {
    text: 'background jobs use what others leave of the bandwidth, but always a little',
    later: THROTTLE,
  },
  'bandwidth/gateway': { text: 'traffic is measured at the gateway, else at the network interface', later: THROTTLE },
  'foreground/2-gb': elsewhere(
    'without ranges at the origin files below 2 GB work',
    'takes 2 GB of disk; there is no such limit here',
  ),
});

const RETRIED = 'is tried again';
const FINAL = 'ends the job in ERROR';

const errors = section('E.4', {
  'retry/no-progress': 'the no-progress timeout counts from the first transient error on',
  'retry/delay': changed(
    'the next try comes after the minimum retry delay',
    'and up to 10 % later, so that not all come at once',
  ),
  'untimed/network': elsewhere(
    'a lost network is not retried by time',
    'needs a network that goes away: test/integration/job-spans.test.ts',
  ),
  'untimed/disk-locked': windows('a locked volume is not retried by time', 'chkdsk locks volumes'),
  'untimed/policy': { text: 'a bandwidth policy of 0 is not retried by time', later: THROTTLE },
  'http/3xx': `a 3xx ${RETRIED}`,
  'http/300-305-307': changed(
    `300 to 305 and 307 without a way to follow them: ${FINAL}`,
    '308, which came later, too',
  ),
  'http/4xx': `a 4xx ${FINAL}`,
  'http/408-409': `408 and 409: ${RETRIED}`,
  'http/5xx': `a 5xx ${RETRIED}`,
  'http/501-505': `501 and 505: ${FINAL}`,
  'http/other': `any other status ${RETRIED}`,
  'http/403': upload('after a 403 an upload is not posted to the application again'),
});

const consistency = section('E.5', {
  'version/restarts-file': 'a file that changes at the origin begins again from 0',
  'version/only-that-file': 'files that were finished are not fetched again',
  'upload/changed': upload('a local file that changes while it is sent: BG_E_LOCAL_FILE_CHANGED'),
  'destination/shared': changed(
    'two jobs with one destination are not kept apart',
    'the second AddFile is refused with E_DESTINATION',
  ),
  'temporary/folder': 'the temporary file lies in the folder of the destination',
  'finished/mtime': 'the modification time of a finished file is the Last-Modified of the origin',
  'finished/ctime': windows('the creation time too', 'other systems do not let programs set it'),
});

export const E3: readonly Row[] = scheduling;
export const E4: readonly Row[] = errors;
export const E5: readonly Row[] = consistency;
