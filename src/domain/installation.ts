// The installation that the servers on one database are together.

export interface Installation {
  /** Marks what an engine keeps for it, 24 hexadecimal digits. */
  id: string;
  /** The engine that all its data belongs to. */
  engine: string;
  /** A text that its master key has sealed, so that a server with another one is found out. */
  masterKeyCheck: string;
  /** Names the key that signs its exports. */
  signingKeyId: string;
  /** Marks the folder of its transfers; null before a server has chosen one. */
  transfersId: string | null;
}
