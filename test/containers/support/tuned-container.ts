import { GenericContainer } from 'testcontainers';

/** A container whose kernel settings can be chosen. */
export class TunedContainer extends GenericContainer {
  /** Sets what `sysctl` sets, as far as the network of a container has settings of its own. */
  withSysctls(settings: Readonly<Record<string, string>>): this {
    this.hostConfig.Sysctls = { ...settings };
    return this;
  }
}
