import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import {
  chooseInterfaces,
  interfaceState,
  isOnSubnet,
  type LanInterface,
  missingInterfaces,
} from '../../../../src/peer/discovery/interfaces.ts';

const v4 = (address: string, netmask: string, internal = false): NetworkInterfaceInfo => ({
  address,
  netmask,
  internal,
  family: 'IPv4',
  mac: '02:00:00:00:00:01',
  cidr: null,
});
const v6 = (address: string, scopeid: number): NetworkInterfaceInfo => ({
  address,
  netmask: 'ffff:ffff:ffff:ffff::',
  internal: false,
  family: 'IPv6',
  mac: '02:00:00:00:00:01',
  cidr: null,
  scopeid,
});

const MACHINE = {
  lo: [v4('127.0.0.1', '255.0.0.0', true)],
  eth0: [v4('10.1.2.3', '255.255.255.0'), v6('fe80::1', 2)],
  wlan0: [v4('192.168.200.5', '255.255.252.0')],
  tun0: [v4('10.8.0.2', '255.255.255.255')],
  p2p0: [v4('10.8.1.2', '255.255.255.254')],
};

describe('the choice of interfaces', () => {
  it('is every IPv4 interface but loopback and point-to-point links', () => {
    const chosen = chooseInterfaces(MACHINE, 'all').map(({ name, broadcast }) => [name, broadcast]);
    expect(chosen).toEqual([
      ['eth0', '10.1.2.255'],
      ['wlan0', '192.168.203.255'],
    ]);
  });

  it('can be by name or by address, loopback too', () => {
    const chosen = chooseInterfaces(MACHINE, ['lo', '192.168.200.5']);
    expect(chosen.map((lan) => lan.broadcast)).toEqual(['127.255.255.255', '192.168.203.255']);
  });

  it('takes one interface per subnet', () => {
    const twice = { eth0: [v4('10.1.2.3', '255.255.255.0')], wlan0: [v4('10.1.2.9', '255.255.255.0')] };
    expect(chooseInterfaces(twice, 'all').map((lan) => lan.name)).toEqual(['eth0']);
  });

  it('tells what is missing', () => {
    expect(missingInterfaces(MACHINE, ['eth0', 'eth7', '10.1.2.3', '10.1.2.4'])).toEqual(['eth7', '10.1.2.4']);
    expect(missingInterfaces({}, 'all')).toEqual([]);
  });
});

it.each([
  ['10.1.2.77', true],
  ['10.1.2.0', false],
  ['10.1.2.255', false],
  ['10.1.3.1', false],
  ['::1', false],
  ['010.1.2.7', false],
  ['rubbish', false],
])('knows whether %s is on the subnet: %s', (host, expected) => {
  expect(isOnSubnet(chooseInterfaces(MACHINE, ['eth0'])[0] as LanInterface, host)).toBe(expected);
});

describe('the state of the interfaces', () => {
  it('does not depend on their order and changes with addresses', () => {
    const { lo, eth0 } = MACHINE;
    expect(interfaceState({ lo, eth0 })).toBe(interfaceState({ eth0, lo }));
    expect(interfaceState({ eth0 })).not.toBe(interfaceState({ eth0: [v4('10.1.2.4', '255.255.255.0')] }));
  });

  it('changes when an interface of the same name and address is another one', () => {
    const again = { ...MACHINE, eth0: [v4('10.1.2.3', '255.255.255.0'), v6('fe80::1', 9)] };
    expect(interfaceState(again)).not.toBe(interfaceState(MACHINE));
  });
});
