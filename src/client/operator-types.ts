// The inputs and the answers of the operator's operations, as plain types.
// Printed from src/contract/operator/table.ts; do not edit it. Type: npm run contract

export interface OperatorOperations {
  /** List the organisations, what they have and may have. */
  organisationList: {
    input: Record<never, never>;
    answer: {
      organisations: {
        id: number;
        name: string;
        quotas: {
          /** Images. */
          images: number;
          /** Machines. */
          machines: number;
          /** Images that are made at once. */
          builds: number;
          /** GB that its captures, imports and files of transfers take. */
          stored_gb: number;
          /** GB of replaced disks that are kept. */
          kept_gb: number;
        };
        images: number;
        machines: number;
        /** Images that are being made. */
        builds: number;
        stored_gb: number;
      }[];
    };
    extension: true;
  };
  /** Set whether captures of an organisation are generalised by default. */
  organisationGeneralize: {
    input: {
      /** Name of the organisation. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      name: string;
      on: boolean;
    };
    answer: Record<never, never>;
    extension: true;
  };
  /** Change the quotas of an organisation; those that are left out stay. */
  organisationQuotaSet: {
    input: {
      /** Name of the organisation. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      name: string;
      /** Images. */
      images?: number | undefined;
      /** Machines. */
      machines?: number | undefined;
      /** Images that are made at once. */
      builds?: number | undefined;
      /** GB that its captures, imports and files of transfers take. */
      stored_gb?: number | undefined;
      /** GB of replaced disks that are kept. */
      kept_gb?: number | undefined;
    };
    answer: {
      /** Images. */
      images: number;
      /** Machines. */
      machines: number;
      /** Images that are made at once. */
      builds: number;
      /** GB that its captures, imports and files of transfers take. */
      stored_gb: number;
      /** GB of replaced disks that are kept. */
      kept_gb: number;
    };
    extension: true;
  };
  /** List the keys of all organisations and of operators, without their secrets. */
  keyList: {
    input: Record<never, never>;
    answer: {
      keys: {
        id: string;
        /** Null for a key of operators. */
        organisation_id: number | null;
        name: string;
        master_key_id: string;
        permissions: string[];
        /** When it was made. */
        created_at: string;
        /** From when on it is refused. */
        revoked_at: string | null;
        /** From when on it is refused; null: never. */
        expires_at: string | null;
        /** When it was last used, to about a minute. */
        last_used_at: string | null;
      }[];
    };
    extension: true;
  };
  /** Make a key of an organisation; its secret is shown once. */
  keyCreate: {
    input: {
      /** Name of the organisation; made when there is none of that name. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      organisation: string;
      /** What the key is for. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      name: string;
      /** Its permissions, such as images:read. */
      permissions: string[];
      /** From when on it is refused. Default: never. */
      expires_at?: string | undefined;
    };
    answer: {
      /** ID of the new key. */
      key: string;
      /** Shown here only. */
      secret: string;
    };
    extension: true;
  };
  /** Make a key in place of another, which goes on for a while. */
  keyRotate: {
    input: {
      /** ID of the key. */
      id: string;
      /** For how long the old key still works. Default: 86400. */
      overlap_seconds?: number | undefined;
    };
    answer: {
      /** ID of the new key. */
      key: string;
      /** Shown here only. */
      secret: string;
      /** The old key. */
      replaces: string;
      /** Until when the old key works. */
      replaced_until: string;
    };
    extension: true;
  };
  /** Revoke a key at once. */
  keyRevoke: {
    input: {
      /** ID of the key. */
      id: string;
      /** Whether it may be the key that signs this request. */
      itself?: boolean | undefined;
    };
    answer: Record<never, never>;
    extension: true;
  };
  /** List the machine types. */
  machineTypeList: {
    input: Record<never, never>;
    answer: {
      machine_types: {
        id: number;
        name: string;
        code: string;
        /** Virtual processors. */
        cpus: number;
        /** Memory in MB. */
        memory_mb: number;
        /** Disk size in GB. */
        disk_size_gb: number;
      }[];
    };
    extension: true;
  };
  /** Add a machine type. */
  machineTypeAdd: {
    input: {
      /** Name. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      name: string;
      /** Short name. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      code: string;
      /** Virtual processors. */
      cpus: number;
      /** Memory in MB. */
      memory_mb: number;
      /** Disk size in GB. */
      disk_size_gb: number;
    };
    answer: {
      id: number;
    };
    extension: true;
  };
  /** Show what everything takes on the disk of the host. */
  storageGet: {
    input: Record<never, never>;
    answer: {
      sizes: {
        what: string;
        bytes: number;
      }[];
      /** MB of memory of machines that are on and of builds. */
      memory_mb: number;
      /** The most; null where nothing limits it. */
      memory_mb_limit: number | null;
      /** Processors of machines that are on and of builds. */
      cpus: number;
      /** The most; null where nothing limits it. */
      cpus_limit: number | null;
    };
    extension: true;
  };
  /** Compare the store with what is on the disk of the host, and explain. */
  doctor: {
    input: Record<never, never>;
    answer: {
      findings: {
        /** Whether something cannot be used or may be lost. */
        severity: 'error' | 'warning';
        /** The thing with the fault. */
        subject: string;
        found: string;
        cure: string;
      }[];
    };
    extension: true;
  };
  /** List what operators changed, newest first. */
  auditList: {
    input: {
      /** Default: 100. */
      limit?: number | undefined;
    };
    answer: {
      entries: {
        id: number;
        /** A user of the host, or a key. */
        operator: string;
        action: string;
        thing: string;
        /** `begun`: it has not ended, or its process died. */
        outcome: 'begun' | 'done' | 'refused' | 'failed';
        /** Why it was refused or failed. */
        reason: string | null;
        /** x-request-id of the answer; null for a command on the host. */
        request_id: string | null;
        /** When it was begun. */
        created_at: string;
        /** When it ended. */
        ended_at: string | null;
      }[];
    };
    extension: true;
  };
  /** List the layers, and what the engine has and the store does not know. */
  layerList: {
    input: Record<never, never>;
    answer: {
      layers: {
        id: string;
        /** What made it. */
        kind: 'base' | 'software' | 'capture';
        /** The layer below it; null for a base. */
        parent_id: string | null;
        /** Whether it can be used. */
        state: 'building' | 'sealed' | 'quarantined' | 'deleting';
        /** What a machine sees. */
        virtual_bytes: number;
        /** What it takes on the disk of the host. */
        stored_bytes: number;
        /** When a build last used it. */
        used_at: string | null;
        /** Of its bytes; null until it is known. */
        digest: string | null;
        /** When its bytes were last compared with the digest. */
        verified_at: string | null;
        /** Why it is quarantined. */
        fault: string | null;
      }[];
      orphans: {
        /** What it would be. */
        kind: 'layer' | 'disk';
        id: string;
        bytes: number;
        /** When it was first seen. */
        seen_at: string;
      }[];
    };
    extension: true;
  };
  /** List the steps of the build cache, the one used longest ago first. */
  cacheList: {
    input: Record<never, never>;
    answer: {
      steps: {
        id: string;
        /** What made it. */
        kind: 'base' | 'software' | 'capture';
        /** The layer below it; null for a base. */
        parent_id: string | null;
        /** Whether it can be used. */
        state: 'building' | 'sealed' | 'quarantined' | 'deleting';
        /** What a machine sees. */
        virtual_bytes: number;
        /** What it takes on the disk of the host. */
        stored_bytes: number;
        /** When a build last used it. */
        used_at: string | null;
        /** Whether something stands on it. */
        in_use: boolean;
      }[];
    };
    extension: true;
  };
  /** Take steps that nothing stands on out of the build cache. */
  cachePrune: {
    input: {
      /** So many bytes of steps may stay, those used last. Default: 0. */
      keep_bytes?: number | undefined;
    };
    answer: {
      /** The layers that leave it. */
      steps: string[];
      /** What is freed by that. */
      bytes: number;
    };
    extension: true;
  };
  /** List the bases, software and machine types, also what is retired. */
  offerList: {
    input: Record<never, never>;
    answer: {
      offers: {
        /** Which noun of the catalogue. */
        kind: 'base' | 'software' | 'machine-type';
        id: number;
        /** With its version. */
        name: string;
        /** Null when it has none. */
        version: string | null;
        /** Whether it may be taken where no base is named; null for what is no base. */
        newest: boolean | null;
        /** Since when it is not offered any more; null while it is. */
        retired_at: string | null;
      }[];
    };
    extension: true;
  };
  /** End the offer of a base, a title or a machine type, or renew it; what stands on it goes on. */
  offerRetire: {
    input: {
      /** Which noun of the catalogue. */
      kind: 'base' | 'software' | 'machine-type';
      /** ID. */
      id: number;
      /** Whether it is retired. */
      retired: boolean;
    };
    answer: {
      /** Which noun of the catalogue. */
      kind: 'base' | 'software' | 'machine-type';
      id: number;
      /** With its version. */
      name: string;
      /** Null when it has none. */
      version: string | null;
      /** Whether it may be taken where no base is named; null for what is no base. */
      newest: boolean | null;
      /** Since when it is not offered any more; null while it is. */
      retired_at: string | null;
    };
    extension: true;
  };
  /** Forget a base, a title or a machine type that nothing uses. */
  offerRemove: {
    input: {
      /** Which noun of the catalogue. */
      kind: 'base' | 'software' | 'machine-type';
      /** ID. */
      id: number;
    };
    answer: Record<never, never>;
    extension: true;
  };
  /** Say whether a base may be taken where no base is named. */
  baseNewestSet: {
    input: {
      /** ID. */
      id: number;
      /** Whether it may be taken. */
      allowed: boolean;
    };
    answer: {
      /** Which noun of the catalogue. */
      kind: 'base' | 'software' | 'machine-type';
      id: number;
      /** With its version. */
      name: string;
      /** Null when it has none. */
      version: string | null;
      /** Whether it may be taken where no base is named; null for what is no base. */
      newest: boolean | null;
      /** Since when it is not offered any more; null while it is. */
      retired_at: string | null;
    };
    extension: true;
  };
}
