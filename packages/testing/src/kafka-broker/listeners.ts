/** Ways for clients into a broker, with what Kafka calls them. */
export const LISTENERS = {
  plain: { name: 'PLAINTEXT', protocol: 'PLAINTEXT' },
  tls: { name: 'TLS', protocol: 'SSL' },
  mutualTls: { name: 'MUTUAL_TLS', protocol: 'SSL' },
  sasl: { name: 'SASL', protocol: 'SASL_PLAINTEXT' },
  saslTls: { name: 'SASL_TLS', protocol: 'SASL_SSL' },
} as const;

/** `mutualTls` asks the client for a certificate too; `sasl` and `saslTls` take PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. */
export type ListenerName = keyof typeof LISTENERS;

const SCRAM = ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;

/** Who may come in how, and where the broker's certificates lie. */
export interface Security {
  readonly listeners: readonly ListenerName[];
  /** Names and passwords for SASL. */
  readonly users: Readonly<Record<string, string>>;
  /** Principals that no ACL binds, as `User:admin`. Where they are given, everybody else needs ACLs. */
  readonly superUsers: readonly string[] | undefined;
  /** PEM: the broker's key and certificate in one file, and the authority's certificate. */
  readonly keystore: string;
  readonly truststore: string;
}

/** The broker properties that make it so. */
export function securityProperties(security: Security): Record<string, string> {
  const { listeners, users, superUsers, keystore, truststore } = security;
  const properties: Record<string, string> = {};
  const set = (listener: ListenerName, name: string, value: string): void => {
    properties[`listener.name.${LISTENERS[listener].name.toLowerCase()}.${name}`] = value;
  };
  for (const listener of listeners) {
    if (usesTls(listener)) {
      set(listener, 'ssl.keystore.type', 'PEM');
      set(listener, 'ssl.keystore.location', keystore);
      set(listener, 'ssl.truststore.type', 'PEM');
      set(listener, 'ssl.truststore.location', truststore);
      set(listener, 'ssl.client.auth', listener === 'mutualTls' ? 'required' : 'none');
    }
    if (usesSasl(listener)) {
      set(listener, 'sasl.enabled.mechanisms', ['PLAIN', ...SCRAM].join(','));
      const known = Object.entries(users).map(([name, password]) => ` user_${name}=${quoted(password)}`).join('');
      set(listener, 'plain.sasl.jaas.config', `org.apache.kafka.common.security.plain.PlainLoginModule required${known};`);
      for (const mechanism of SCRAM) {
        set(listener, `${mechanism.toLowerCase()}.sasl.jaas.config`, 'org.apache.kafka.common.security.scram.ScramLoginModule required;');
      }
    }
  }
  if (superUsers !== undefined) {
    properties['authorizer.class.name'] = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer';
    // The brokers themselves come over listeners without a name.
    properties['super.users'] = ['User:ANONYMOUS', ...superUsers].join(';');
  }
  return properties;
}

/** What has to be given to Kafka's StorageTool for these users to be known from the first start (KIP-900). */
export function scramOptions(users: Readonly<Record<string, string>>): string[] {
  return Object.entries(users).flatMap(([name, password]) => SCRAM.flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=${name},password=${password}]`]));
}

export const usesTls = (listener: ListenerName): boolean => LISTENERS[listener].protocol.endsWith('SSL');

export const usesSasl = (listener: ListenerName): boolean => LISTENERS[listener].protocol.startsWith('SASL');

const quoted = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`;
