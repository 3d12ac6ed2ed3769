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
  /** Set when templates of the images of an organisation are made. */
  organisationTemplatesSet: {
    input: {
      /** Name of the organisation. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      name: string;
      /** inherit: as the setting of the server says. */
      templates: 'always' | 'on-assignment' | 'never' | 'inherit';
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
  /** List the keys of operators and of all organisations by their ids, without secrets. */
  keyList: {
    input: {
      /** Only what comes after this one: `next` of the page before. */
      after?: string | undefined;
      /** How many at most. Default: 100. */
      limit?: number | undefined;
    };
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
      /** The last one of this page; null when no more come. */
      next: string | null;
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
      /** Refuse it where a key of that name is in use there. */
      only?: boolean | undefined;
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
        /** Network of the machines; null: that of the server. */
        network: string | null;
        /** Since when it is not offered; null while it is. */
        retired_at: string | null;
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
      /** Network of its machines: none, user, tap, or bridge:NAME. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      network?: string | undefined;
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
  /** Begin to read every layer, and to examine the host after that. */
  doctorDeep: {
    input: Record<never, never>;
    answer: {
      /** ID of the work. */
      id: string;
      /** Its name in the audit trail. */
      action: string;
      /** How far it is. */
      status: 'running' | 'done' | 'failed';
      /** What it does now. */
      phase: string | null;
      failure: {
        /** As that of a request that is refused. */
        client_code: number;
        /** The HTTP status of such a refusal. */
        status: number;
        message: string;
      } | null;
      result: {
        base?: {
          id: number;
          name: string;
          size_gb: number;
          layer_id: string;
          /** When it was added. */
          created_at: string;
          /** Since when it is known to work. */
          proved_at: string | null;
          /** When its last trial failed. */
          failed_at: string | null;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
          /** Since when it is not taken where no base is named. */
          held_at: string | null;
        };
        /** Known against the base. */
        warnings?: string[];
        trial?: {
          works: boolean;
          /** Why it does not work; empty when it does. */
          said: string;
        };
        healed?: {
          id: number;
          name: string;
          /** That failed by the damage and are available again. */
          images: number;
        };
        software?: {
          id: number;
          name: string;
          size_gb: number;
          recipe: {
            script: string;
            files: {
              name: string;
              sha256: string;
              bytes: number;
            }[];
            /** Whether its build machine reaches the network. */
            network: boolean;
            /** The limit of the installation. */
            timeout_ms: number;
            /** Least processors of the build machine. */
            cpus?: number;
            /** Its least memory. */
            memory_mb?: number;
            /** The exit status with which the script asks to be run again after a reboot. */
            reboot_status?: number;
            /** With a network: how long builds use its layer again. Default: for ever. */
            max_age_ms?: number;
            /** Titles that must be installed with it, before it. */
            requires?: string[];
            /** Titles that are installed before it when both are wanted. */
            after?: string[];
          };
          /** Of all that decides the result. */
          recipe_digest: string;
          /** When it was added. */
          created_at: string;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
        };
        layers?: {
          /** The layer. */
          id: string;
          /** What comparing its bytes with its digest has shown. */
          result: 'same' | 'digest taken' | 'sound again' | 'DAMAGED';
        }[];
        findings?: {
          /** Whether something cannot be used or may be lost. */
          severity: 'error' | 'warning';
          /** The thing with the fault. */
          subject: string;
          found: string;
          cure: string;
        }[];
        /** Of a command inside a machine. */
        exit_code?: number;
        stdout?: string;
        stderr?: string;
        /** Whether an output was longer. */
        is_cut?: boolean;
      } | null;
      /** When it was begun. */
      begun_at: string;
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
  /** List the layers by their ids, and what the engine has and the store does not know. */
  layerList: {
    input: {
      /** Only what comes after this one: `next` of the page before. */
      after?: string | undefined;
      /** How many at most. Default: 100. */
      limit?: number | undefined;
    };
    answer: {
      layers: {
        id: string;
        /** What made it. */
        kind: 'base' | 'software' | 'capture' | 'template';
        /** The layer below it; null for a base. */
        parent_id: string | null;
        /** The root of its chain. */
        base_layer_id: string;
        boot: {
          /** With a kernel beside the disk, or by the loader on it that a firmware of this name starts. */
          mode: 'direct' | 'bios' | 'uefi' | 'uefi-secure';
          /** The kernel command line. */
          append?: string;
          /** Arguments with which the initrd runs user-data and powers off. */
          build_append?: string | null;
          /** Whether its guests have a TPM 2.0. */
          tpm?: boolean;
          /** The firmware state of an image of which a fresh disk gets a copy: none, the variables of UEFI, or that of the TPM too. Default: variables. */
          state_copy?: 'none' | 'variables' | 'all';
          /** The versioned board that QEMU emulates. Default: the newest of the host. */
          board?: string;
          /** The least disk of its guests. */
          least_disk_bytes?: number;
          /** The display of its machines. */
          display?: 'std' | 'virtio';
          /** How long a start may take. */
          ready_ms?: number;
          /** The shell in which the guest agent runs recipes. */
          agent_shell?: 'sh' | 'powershell';
          build?: {
            cpus: number;
            memory_mb: number;
          };
        } | null;
        /** Whose capture or import it is; null: all share it. */
        organisation_id: number | null;
        /** The key under which builds find it. */
        key: string | null;
        /** The key that it had before it was quarantined. */
        lost_key: string | null;
        /** Whether it can be used. */
        state: 'building' | 'sealed' | 'quarantined' | 'deleting';
        /** What a machine sees. */
        virtual_bytes: number;
        /** What it takes on the disk of the host. */
        stored_bytes: number;
        /** The job that makes or rewrites it. */
        job_id: number | null;
        /** When it was begun. */
        created_at: string;
        /** When a build last used it. */
        used_at: string | null;
        /** Since when it is being removed. */
        deleting_at: string | null;
        /** Of its bytes; null until it is known. */
        digest: string | null;
        /** When its bytes were last compared with the digest. */
        verified_at: string | null;
        /** Why it is quarantined. */
        fault: string | null;
      }[];
      /** With the first page alone. */
      orphans: {
        /** What it would be. */
        kind: 'layer' | 'disk' | 'template';
        id: string;
        bytes: number;
        /** When it was first seen. */
        seen_at: string;
      }[];
      /** The last one of this page; null when no more come. */
      next: string | null;
    };
    extension: true;
  };
  /** Give the chains of a root another board, from the next start of each guest on. */
  layerBoard: {
    input: {
      /** ID of the layer. */
      id: string;
      /** The versioned board that QEMU emulates. Default: the newest of the host. */
      board?: string | undefined;
    };
    answer: {
      id: string;
      boot: {
        /** With a kernel beside the disk, or by the loader on it that a firmware of this name starts. */
        mode: 'direct' | 'bios' | 'uefi' | 'uefi-secure';
        /** The kernel command line. */
        append?: string;
        /** Arguments with which the initrd runs user-data and powers off. */
        build_append?: string | null;
        /** Whether its guests have a TPM 2.0. */
        tpm?: boolean;
        /** The firmware state of an image of which a fresh disk gets a copy: none, the variables of UEFI, or that of the TPM too. Default: variables. */
        state_copy?: 'none' | 'variables' | 'all';
        /** The versioned board that QEMU emulates. Default: the newest of the host. */
        board?: string;
        /** The least disk of its guests. */
        least_disk_bytes?: number;
        /** The display of its machines. */
        display?: 'std' | 'virtio';
        /** How long a start may take. */
        ready_ms?: number;
        /** The shell in which the guest agent runs recipes. */
        agent_shell?: 'sh' | 'powershell';
        build?: {
          cpus: number;
          memory_mb: number;
        };
      } | null;
    };
    extension: true;
  };
  /** Begin to compare the bytes of layers with their digests. */
  layerVerify: {
    input: {
      /** Default: all layers. */
      ids?: string[] | undefined;
    };
    answer: {
      /** ID of the work. */
      id: string;
      /** Its name in the audit trail. */
      action: string;
      /** How far it is. */
      status: 'running' | 'done' | 'failed';
      /** What it does now. */
      phase: string | null;
      failure: {
        /** As that of a request that is refused. */
        client_code: number;
        /** The HTTP status of such a refusal. */
        status: number;
        message: string;
      } | null;
      result: {
        base?: {
          id: number;
          name: string;
          size_gb: number;
          layer_id: string;
          /** When it was added. */
          created_at: string;
          /** Since when it is known to work. */
          proved_at: string | null;
          /** When its last trial failed. */
          failed_at: string | null;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
          /** Since when it is not taken where no base is named. */
          held_at: string | null;
        };
        /** Known against the base. */
        warnings?: string[];
        trial?: {
          works: boolean;
          /** Why it does not work; empty when it does. */
          said: string;
        };
        healed?: {
          id: number;
          name: string;
          /** That failed by the damage and are available again. */
          images: number;
        };
        software?: {
          id: number;
          name: string;
          size_gb: number;
          recipe: {
            script: string;
            files: {
              name: string;
              sha256: string;
              bytes: number;
            }[];
            /** Whether its build machine reaches the network. */
            network: boolean;
            /** The limit of the installation. */
            timeout_ms: number;
            /** Least processors of the build machine. */
            cpus?: number;
            /** Its least memory. */
            memory_mb?: number;
            /** The exit status with which the script asks to be run again after a reboot. */
            reboot_status?: number;
            /** With a network: how long builds use its layer again. Default: for ever. */
            max_age_ms?: number;
            /** Titles that must be installed with it, before it. */
            requires?: string[];
            /** Titles that are installed before it when both are wanted. */
            after?: string[];
          };
          /** Of all that decides the result. */
          recipe_digest: string;
          /** When it was added. */
          created_at: string;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
        };
        layers?: {
          /** The layer. */
          id: string;
          /** What comparing its bytes with its digest has shown. */
          result: 'same' | 'digest taken' | 'sound again' | 'DAMAGED';
        }[];
        findings?: {
          /** Whether something cannot be used or may be lost. */
          severity: 'error' | 'warning';
          /** The thing with the fault. */
          subject: string;
          found: string;
          cure: string;
        }[];
        /** Of a command inside a machine. */
        exit_code?: number;
        stdout?: string;
        stderr?: string;
        /** Whether an output was longer. */
        is_cut?: boolean;
      } | null;
      /** When it was begun. */
      begun_at: string;
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
        kind: 'base' | 'software' | 'capture' | 'template';
        /** The layer below it; null for a base. */
        parent_id: string | null;
        /** The root of its chain. */
        base_layer_id: string;
        boot: {
          /** With a kernel beside the disk, or by the loader on it that a firmware of this name starts. */
          mode: 'direct' | 'bios' | 'uefi' | 'uefi-secure';
          /** The kernel command line. */
          append?: string;
          /** Arguments with which the initrd runs user-data and powers off. */
          build_append?: string | null;
          /** Whether its guests have a TPM 2.0. */
          tpm?: boolean;
          /** The firmware state of an image of which a fresh disk gets a copy: none, the variables of UEFI, or that of the TPM too. Default: variables. */
          state_copy?: 'none' | 'variables' | 'all';
          /** The versioned board that QEMU emulates. Default: the newest of the host. */
          board?: string;
          /** The least disk of its guests. */
          least_disk_bytes?: number;
          /** The display of its machines. */
          display?: 'std' | 'virtio';
          /** How long a start may take. */
          ready_ms?: number;
          /** The shell in which the guest agent runs recipes. */
          agent_shell?: 'sh' | 'powershell';
          build?: {
            cpus: number;
            memory_mb: number;
          };
        } | null;
        /** Whose capture or import it is; null: all share it. */
        organisation_id: number | null;
        /** The key under which builds find it. */
        key: string | null;
        /** The key that it had before it was quarantined. */
        lost_key: string | null;
        /** Whether it can be used. */
        state: 'building' | 'sealed' | 'quarantined' | 'deleting';
        /** What a machine sees. */
        virtual_bytes: number;
        /** What it takes on the disk of the host. */
        stored_bytes: number;
        /** The job that makes or rewrites it. */
        job_id: number | null;
        /** When it was begun. */
        created_at: string;
        /** When a build last used it. */
        used_at: string | null;
        /** Since when it is being removed. */
        deleting_at: string | null;
        /** Of its bytes; null until it is known. */
        digest: string | null;
        /** When its bytes were last compared with the digest. */
        verified_at: string | null;
        /** Why it is quarantined. */
        fault: string | null;
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
  /** List the files that operators have sent and nothing is made of yet. */
  uploadList: {
    input: Record<never, never>;
    answer: {
      uploads: {
        /** SHA-256 of the whole file. */
        id: string;
        /** Of the whole file. */
        size_bytes: number;
        /** Where the next part begins. */
        received_bytes: number;
        /** When it was opened. */
        created_at: string;
        /** From when on it may go; each part and each use puts it off. */
        expires_at: string;
      }[];
    };
    extension: true;
  };
  /** Open the upload of a file, or go on with the one of that file. */
  uploadOpen: {
    input: {
      /** SHA-256 of the whole file, as lower-case hexadecimal digits. */
      id: string;
      /** Of the whole file. */
      size_bytes: number;
    };
    answer: {
      /** SHA-256 of the whole file. */
      id: string;
      /** Of the whole file. */
      size_bytes: number;
      /** Where the next part begins. */
      received_bytes: number;
      /** When it was opened. */
      created_at: string;
      /** From when on it may go; each part and each use puts it off. */
      expires_at: string;
    };
    extension: true;
  };
  /** Show how far an upload is. */
  uploadGet: {
    input: {
      /** SHA-256 of the whole file, as lower-case hexadecimal digits. */
      id: string;
    };
    answer: {
      /** SHA-256 of the whole file. */
      id: string;
      /** Of the whole file. */
      size_bytes: number;
      /** Where the next part begins. */
      received_bytes: number;
      /** When it was opened. */
      created_at: string;
      /** From when on it may go; each part and each use puts it off. */
      expires_at: string;
    };
    extension: true;
  };
  /** Send a part of the file, up to 4 MiB, where the last one ended; the nonce of its signature has 36 characters. */
  uploadPart: {
    input: {
      /** SHA-256 of the whole file, as lower-case hexadecimal digits. */
      id: string;
      /** Where in the file the part begins. */
      offset: number;
    };
    answer: {
      /** SHA-256 of the whole file. */
      id: string;
      /** Of the whole file. */
      size_bytes: number;
      /** Where the next part begins. */
      received_bytes: number;
      /** When it was opened. */
      created_at: string;
      /** From when on it may go; each part and each use puts it off. */
      expires_at: string;
    };
    content: 'request';
    extension: true;
  };
  /** Forget a file that was sent, whether it is whole or not. */
  uploadRemove: {
    input: {
      /** SHA-256 of the whole file, as lower-case hexadecimal digits. */
      id: string;
    };
    answer: Record<never, never>;
    extension: true;
  };
  /** List the base images: how each boots, and whether it works. */
  baseList: {
    input: Record<never, never>;
    answer: {
      bases: {
        id: number;
        name: string;
        size_gb: number;
        layer_id: string;
        /** When it was added. */
        created_at: string;
        /** Since when it is known to work. */
        proved_at: string | null;
        /** When its last trial failed. */
        failed_at: string | null;
        /** The version in its name; null when it has none. */
        version: string | null;
        /** Since when it is not offered; null while it is. */
        retired_at: string | null;
        /** Since when it is not taken where no base is named. */
        held_at: string | null;
        boot: {
          /** With a kernel beside the disk, or by the loader on it that a firmware of this name starts. */
          mode: 'direct' | 'bios' | 'uefi' | 'uefi-secure';
          /** The kernel command line. */
          append?: string;
          /** Arguments with which the initrd runs user-data and powers off. */
          build_append?: string | null;
          /** Whether its guests have a TPM 2.0. */
          tpm?: boolean;
          /** The firmware state of an image of which a fresh disk gets a copy: none, the variables of UEFI, or that of the TPM too. Default: variables. */
          state_copy?: 'none' | 'variables' | 'all';
          /** The versioned board that QEMU emulates. Default: the newest of the host. */
          board?: string;
          /** The least disk of its guests. */
          least_disk_bytes?: number;
          /** The display of its machines. */
          display?: 'std' | 'virtio';
          /** How long a start may take. */
          ready_ms?: number;
          /** The shell in which the guest agent runs recipes. */
          agent_shell?: 'sh' | 'powershell';
          build?: {
            cpus: number;
            memory_mb: number;
          };
        } | null;
        works: boolean | null;
        /** Whether it is taken where no base is named. */
        default: boolean;
      }[];
    };
    extension: true;
  };
  /** Show a base image, and what is known against it. */
  baseGet: {
    input: {
      /** ID of the base image. */
      id: number;
    };
    answer: {
      id: number;
      name: string;
      size_gb: number;
      layer_id: string;
      /** When it was added. */
      created_at: string;
      /** Since when it is known to work. */
      proved_at: string | null;
      /** When its last trial failed. */
      failed_at: string | null;
      /** The version in its name; null when it has none. */
      version: string | null;
      /** Since when it is not offered; null while it is. */
      retired_at: string | null;
      /** Since when it is not taken where no base is named. */
      held_at: string | null;
      boot: {
        /** With a kernel beside the disk, or by the loader on it that a firmware of this name starts. */
        mode: 'direct' | 'bios' | 'uefi' | 'uefi-secure';
        /** The kernel command line. */
        append?: string;
        /** Arguments with which the initrd runs user-data and powers off. */
        build_append?: string | null;
        /** Whether its guests have a TPM 2.0. */
        tpm?: boolean;
        /** The firmware state of an image of which a fresh disk gets a copy: none, the variables of UEFI, or that of the TPM too. Default: variables. */
        state_copy?: 'none' | 'variables' | 'all';
        /** The versioned board that QEMU emulates. Default: the newest of the host. */
        board?: string;
        /** The least disk of its guests. */
        least_disk_bytes?: number;
        /** The display of its machines. */
        display?: 'std' | 'virtio';
        /** How long a start may take. */
        ready_ms?: number;
        /** The shell in which the guest agent runs recipes. */
        agent_shell?: 'sh' | 'powershell';
        build?: {
          cpus: number;
          memory_mb: number;
        };
      } | null;
      works: boolean | null;
      /** Whether it is taken where no base is named. */
      default: boolean;
      /** What is known against it. */
      warnings: string[];
    };
    extension: true;
  };
  /** Begin to add a base image of files that were sent; it is not tried. */
  baseAdd: {
    input: {
      /** Name. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      name: string;
      /** The digest of a disk that was sent, in a format that the engine takes. */
      disk: string;
      /** Which version of the name it is. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      version?: string | undefined;
      /** Whether it is not taken where none is named. */
      hold?: boolean | undefined;
      /** Whether it is not offered until a trial has passed. */
      awaits_trial?: boolean | undefined;
      /** The disk in an archive that holds several. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      disk_name?: string | undefined;
      /** The digest of a kernel that was sent; it needs an initrd. */
      kernel?: string | undefined;
      /** The digest of an initrd that was sent. */
      initrd?: string | undefined;
      /** The kernel command line, with a kernel. */
      append?: string | undefined;
      /** Arguments with which the initrd runs user-data and powers off. */
      build_append?: string | undefined;
      /** Builds boot as machines do, and the guest agent runs their recipes in this shell. */
      agent_shell?: 'sh' | 'powershell' | undefined;
      /** The firmware that starts the loader on the disk; uefi-secure: only one that is signed. Default: the one that the disk is made for. */
      firmware?: 'bios' | 'uefi' | 'uefi-secure' | undefined;
      /** Whether its guests have a TPM 2.0. */
      tpm?: boolean | undefined;
      /** The firmware state of an image of which a fresh disk gets a copy: none, the variables of UEFI, or that of the TPM too. Default: variables. */
      state_copy?: 'none' | 'variables' | 'all' | undefined;
      /** The versioned board that QEMU emulates. Default: the newest of the host. */
      board?: string | undefined;
      /** The display of its machines; without it: std. */
      display?: 'std' | 'virtio' | undefined;
    };
    answer: {
      /** ID of the work. */
      id: string;
      /** Its name in the audit trail. */
      action: string;
      /** How far it is. */
      status: 'running' | 'done' | 'failed';
      /** What it does now. */
      phase: string | null;
      failure: {
        /** As that of a request that is refused. */
        client_code: number;
        /** The HTTP status of such a refusal. */
        status: number;
        message: string;
      } | null;
      result: {
        base?: {
          id: number;
          name: string;
          size_gb: number;
          layer_id: string;
          /** When it was added. */
          created_at: string;
          /** Since when it is known to work. */
          proved_at: string | null;
          /** When its last trial failed. */
          failed_at: string | null;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
          /** Since when it is not taken where no base is named. */
          held_at: string | null;
        };
        /** Known against the base. */
        warnings?: string[];
        trial?: {
          works: boolean;
          /** Why it does not work; empty when it does. */
          said: string;
        };
        healed?: {
          id: number;
          name: string;
          /** That failed by the damage and are available again. */
          images: number;
        };
        software?: {
          id: number;
          name: string;
          size_gb: number;
          recipe: {
            script: string;
            files: {
              name: string;
              sha256: string;
              bytes: number;
            }[];
            /** Whether its build machine reaches the network. */
            network: boolean;
            /** The limit of the installation. */
            timeout_ms: number;
            /** Least processors of the build machine. */
            cpus?: number;
            /** Its least memory. */
            memory_mb?: number;
            /** The exit status with which the script asks to be run again after a reboot. */
            reboot_status?: number;
            /** With a network: how long builds use its layer again. Default: for ever. */
            max_age_ms?: number;
            /** Titles that must be installed with it, before it. */
            requires?: string[];
            /** Titles that are installed before it when both are wanted. */
            after?: string[];
          };
          /** Of all that decides the result. */
          recipe_digest: string;
          /** When it was added. */
          created_at: string;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
        };
        layers?: {
          /** The layer. */
          id: string;
          /** What comparing its bytes with its digest has shown. */
          result: 'same' | 'digest taken' | 'sound again' | 'DAMAGED';
        }[];
        findings?: {
          /** Whether something cannot be used or may be lost. */
          severity: 'error' | 'warning';
          /** The thing with the fault. */
          subject: string;
          found: string;
          cure: string;
        }[];
        /** Of a command inside a machine. */
        exit_code?: number;
        stdout?: string;
        stderr?: string;
        /** Whether an output was longer. */
        is_cut?: boolean;
      } | null;
      /** When it was begun. */
      begun_at: string;
    };
    extension: true;
  };
  /** Begin to try whether a build machine on a base image works. */
  baseTry: {
    input: {
      /** ID of the base image. */
      id: number;
      /** Its limit. Default: 300. */
      timeout_seconds?: number | undefined;
    };
    answer: {
      /** ID of the work. */
      id: string;
      /** Its name in the audit trail. */
      action: string;
      /** How far it is. */
      status: 'running' | 'done' | 'failed';
      /** What it does now. */
      phase: string | null;
      failure: {
        /** As that of a request that is refused. */
        client_code: number;
        /** The HTTP status of such a refusal. */
        status: number;
        message: string;
      } | null;
      result: {
        base?: {
          id: number;
          name: string;
          size_gb: number;
          layer_id: string;
          /** When it was added. */
          created_at: string;
          /** Since when it is known to work. */
          proved_at: string | null;
          /** When its last trial failed. */
          failed_at: string | null;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
          /** Since when it is not taken where no base is named. */
          held_at: string | null;
        };
        /** Known against the base. */
        warnings?: string[];
        trial?: {
          works: boolean;
          /** Why it does not work; empty when it does. */
          said: string;
        };
        healed?: {
          id: number;
          name: string;
          /** That failed by the damage and are available again. */
          images: number;
        };
        software?: {
          id: number;
          name: string;
          size_gb: number;
          recipe: {
            script: string;
            files: {
              name: string;
              sha256: string;
              bytes: number;
            }[];
            /** Whether its build machine reaches the network. */
            network: boolean;
            /** The limit of the installation. */
            timeout_ms: number;
            /** Least processors of the build machine. */
            cpus?: number;
            /** Its least memory. */
            memory_mb?: number;
            /** The exit status with which the script asks to be run again after a reboot. */
            reboot_status?: number;
            /** With a network: how long builds use its layer again. Default: for ever. */
            max_age_ms?: number;
            /** Titles that must be installed with it, before it. */
            requires?: string[];
            /** Titles that are installed before it when both are wanted. */
            after?: string[];
          };
          /** Of all that decides the result. */
          recipe_digest: string;
          /** When it was added. */
          created_at: string;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
        };
        layers?: {
          /** The layer. */
          id: string;
          /** What comparing its bytes with its digest has shown. */
          result: 'same' | 'digest taken' | 'sound again' | 'DAMAGED';
        }[];
        findings?: {
          /** Whether something cannot be used or may be lost. */
          severity: 'error' | 'warning';
          /** The thing with the fault. */
          subject: string;
          found: string;
          cure: string;
        }[];
        /** Of a command inside a machine. */
        exit_code?: number;
        stdout?: string;
        stderr?: string;
        /** Whether an output was longer. */
        is_cut?: boolean;
      } | null;
      /** When it was begun. */
      begun_at: string;
    };
    extension: true;
  };
  /** Begin to give a damaged base image its bytes back, from the file that it came from. */
  baseHeal: {
    input: {
      /** ID of the base image. */
      id: number;
      /** The digest of the file that the base came from, which was sent. */
      file: string;
      /** The disk in an archive that holds several. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      disk_name?: string | undefined;
    };
    answer: {
      /** ID of the work. */
      id: string;
      /** Its name in the audit trail. */
      action: string;
      /** How far it is. */
      status: 'running' | 'done' | 'failed';
      /** What it does now. */
      phase: string | null;
      failure: {
        /** As that of a request that is refused. */
        client_code: number;
        /** The HTTP status of such a refusal. */
        status: number;
        message: string;
      } | null;
      result: {
        base?: {
          id: number;
          name: string;
          size_gb: number;
          layer_id: string;
          /** When it was added. */
          created_at: string;
          /** Since when it is known to work. */
          proved_at: string | null;
          /** When its last trial failed. */
          failed_at: string | null;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
          /** Since when it is not taken where no base is named. */
          held_at: string | null;
        };
        /** Known against the base. */
        warnings?: string[];
        trial?: {
          works: boolean;
          /** Why it does not work; empty when it does. */
          said: string;
        };
        healed?: {
          id: number;
          name: string;
          /** That failed by the damage and are available again. */
          images: number;
        };
        software?: {
          id: number;
          name: string;
          size_gb: number;
          recipe: {
            script: string;
            files: {
              name: string;
              sha256: string;
              bytes: number;
            }[];
            /** Whether its build machine reaches the network. */
            network: boolean;
            /** The limit of the installation. */
            timeout_ms: number;
            /** Least processors of the build machine. */
            cpus?: number;
            /** Its least memory. */
            memory_mb?: number;
            /** The exit status with which the script asks to be run again after a reboot. */
            reboot_status?: number;
            /** With a network: how long builds use its layer again. Default: for ever. */
            max_age_ms?: number;
            /** Titles that must be installed with it, before it. */
            requires?: string[];
            /** Titles that are installed before it when both are wanted. */
            after?: string[];
          };
          /** Of all that decides the result. */
          recipe_digest: string;
          /** When it was added. */
          created_at: string;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
        };
        layers?: {
          /** The layer. */
          id: string;
          /** What comparing its bytes with its digest has shown. */
          result: 'same' | 'digest taken' | 'sound again' | 'DAMAGED';
        }[];
        findings?: {
          /** Whether something cannot be used or may be lost. */
          severity: 'error' | 'warning';
          /** The thing with the fault. */
          subject: string;
          found: string;
          cure: string;
        }[];
        /** Of a command inside a machine. */
        exit_code?: number;
        stdout?: string;
        stderr?: string;
        /** Whether an output was longer. */
        is_cut?: boolean;
      } | null;
      /** When it was begun. */
      begun_at: string;
    };
    extension: true;
  };
  /** List the titles with their recipes. */
  softwareList: {
    input: Record<never, never>;
    answer: {
      software: {
        id: number;
        name: string;
        size_gb: number;
        recipe: {
          script: string;
          files: {
            name: string;
            sha256: string;
            bytes: number;
          }[];
          /** Whether its build machine reaches the network. */
          network: boolean;
          /** The limit of the installation. */
          timeout_ms: number;
          /** Least processors of the build machine. */
          cpus?: number;
          /** Its least memory. */
          memory_mb?: number;
          /** The exit status with which the script asks to be run again after a reboot. */
          reboot_status?: number;
          /** With a network: how long builds use its layer again. Default: for ever. */
          max_age_ms?: number;
          /** Titles that must be installed with it, before it. */
          requires?: string[];
          /** Titles that are installed before it when both are wanted. */
          after?: string[];
        };
        /** Of all that decides the result. */
        recipe_digest: string;
        /** When it was added. */
        created_at: string;
        /** The version in its name; null when it has none. */
        version: string | null;
        /** Since when it is not offered; null while it is. */
        retired_at: string | null;
      }[];
    };
    extension: true;
  };
  /** Begin to add a title, whose files were sent. */
  softwareAdd: {
    input: {
      /** Name. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      name: string;
      /** What it takes on a disk, in GB. */
      size_gb: number;
      /** The shell script that installs it, as root inside a build machine. */
      script: string;
      /** What the script needs. */
      files?: {
        /** The name under which the script finds it, in its working directory. */
        name: string;
        /** The digest of a file that was sent. */
        id: string;
      }[] | undefined;
      /** Default: false. */
      network?: boolean | undefined;
      /** The limit of the installation. Default: 1800000. */
      timeout_ms?: number | undefined;
      /** Least processors of the build machine. */
      cpus?: number | undefined;
      /** Its least memory. */
      memory_mb?: number | undefined;
      /** The exit status with which the script asks to be run again after a reboot. */
      reboot_status?: number | undefined;
      /** With a network: how long builds use its layer again. Default: for ever. */
      max_age_ms?: number | undefined;
      /** Titles that must be installed with it, before it. */
      requires?: string[] | undefined;
      /** Titles that are installed before it when both are wanted. */
      after?: string[] | undefined;
      /** Which version of the name it is. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      version?: string | undefined;
    };
    answer: {
      /** ID of the work. */
      id: string;
      /** Its name in the audit trail. */
      action: string;
      /** How far it is. */
      status: 'running' | 'done' | 'failed';
      /** What it does now. */
      phase: string | null;
      failure: {
        /** As that of a request that is refused. */
        client_code: number;
        /** The HTTP status of such a refusal. */
        status: number;
        message: string;
      } | null;
      result: {
        base?: {
          id: number;
          name: string;
          size_gb: number;
          layer_id: string;
          /** When it was added. */
          created_at: string;
          /** Since when it is known to work. */
          proved_at: string | null;
          /** When its last trial failed. */
          failed_at: string | null;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
          /** Since when it is not taken where no base is named. */
          held_at: string | null;
        };
        /** Known against the base. */
        warnings?: string[];
        trial?: {
          works: boolean;
          /** Why it does not work; empty when it does. */
          said: string;
        };
        healed?: {
          id: number;
          name: string;
          /** That failed by the damage and are available again. */
          images: number;
        };
        software?: {
          id: number;
          name: string;
          size_gb: number;
          recipe: {
            script: string;
            files: {
              name: string;
              sha256: string;
              bytes: number;
            }[];
            /** Whether its build machine reaches the network. */
            network: boolean;
            /** The limit of the installation. */
            timeout_ms: number;
            /** Least processors of the build machine. */
            cpus?: number;
            /** Its least memory. */
            memory_mb?: number;
            /** The exit status with which the script asks to be run again after a reboot. */
            reboot_status?: number;
            /** With a network: how long builds use its layer again. Default: for ever. */
            max_age_ms?: number;
            /** Titles that must be installed with it, before it. */
            requires?: string[];
            /** Titles that are installed before it when both are wanted. */
            after?: string[];
          };
          /** Of all that decides the result. */
          recipe_digest: string;
          /** When it was added. */
          created_at: string;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
        };
        layers?: {
          /** The layer. */
          id: string;
          /** What comparing its bytes with its digest has shown. */
          result: 'same' | 'digest taken' | 'sound again' | 'DAMAGED';
        }[];
        findings?: {
          /** Whether something cannot be used or may be lost. */
          severity: 'error' | 'warning';
          /** The thing with the fault. */
          subject: string;
          found: string;
          cure: string;
        }[];
        /** Of a command inside a machine. */
        exit_code?: number;
        stdout?: string;
        stderr?: string;
        /** Whether an output was longer. */
        is_cut?: boolean;
      } | null;
      /** When it was begun. */
      begun_at: string;
    };
    extension: true;
  };
  /** Begin to give a title another recipe; existing images stay as they are. */
  softwareUpdate: {
    input: {
      /** ID of the title. */
      id: number;
      /** Name. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      name: string;
      /** What it takes on a disk, in GB. */
      size_gb: number;
      /** The shell script that installs it, as root inside a build machine. */
      script: string;
      /** What the script needs. */
      files?: {
        /** The name under which the script finds it, in its working directory. */
        name: string;
        /** The digest of a file that was sent. */
        id: string;
      }[] | undefined;
      /** Default: false. */
      network?: boolean | undefined;
      /** The limit of the installation. Default: 1800000. */
      timeout_ms?: number | undefined;
      /** Least processors of the build machine. */
      cpus?: number | undefined;
      /** Its least memory. */
      memory_mb?: number | undefined;
      /** The exit status with which the script asks to be run again after a reboot. */
      reboot_status?: number | undefined;
      /** With a network: how long builds use its layer again. Default: for ever. */
      max_age_ms?: number | undefined;
      /** Titles that must be installed with it, before it. */
      requires?: string[] | undefined;
      /** Titles that are installed before it when both are wanted. */
      after?: string[] | undefined;
      /** Which version of the name it is. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      version?: string | undefined;
    };
    answer: {
      /** ID of the work. */
      id: string;
      /** Its name in the audit trail. */
      action: string;
      /** How far it is. */
      status: 'running' | 'done' | 'failed';
      /** What it does now. */
      phase: string | null;
      failure: {
        /** As that of a request that is refused. */
        client_code: number;
        /** The HTTP status of such a refusal. */
        status: number;
        message: string;
      } | null;
      result: {
        base?: {
          id: number;
          name: string;
          size_gb: number;
          layer_id: string;
          /** When it was added. */
          created_at: string;
          /** Since when it is known to work. */
          proved_at: string | null;
          /** When its last trial failed. */
          failed_at: string | null;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
          /** Since when it is not taken where no base is named. */
          held_at: string | null;
        };
        /** Known against the base. */
        warnings?: string[];
        trial?: {
          works: boolean;
          /** Why it does not work; empty when it does. */
          said: string;
        };
        healed?: {
          id: number;
          name: string;
          /** That failed by the damage and are available again. */
          images: number;
        };
        software?: {
          id: number;
          name: string;
          size_gb: number;
          recipe: {
            script: string;
            files: {
              name: string;
              sha256: string;
              bytes: number;
            }[];
            /** Whether its build machine reaches the network. */
            network: boolean;
            /** The limit of the installation. */
            timeout_ms: number;
            /** Least processors of the build machine. */
            cpus?: number;
            /** Its least memory. */
            memory_mb?: number;
            /** The exit status with which the script asks to be run again after a reboot. */
            reboot_status?: number;
            /** With a network: how long builds use its layer again. Default: for ever. */
            max_age_ms?: number;
            /** Titles that must be installed with it, before it. */
            requires?: string[];
            /** Titles that are installed before it when both are wanted. */
            after?: string[];
          };
          /** Of all that decides the result. */
          recipe_digest: string;
          /** When it was added. */
          created_at: string;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
        };
        layers?: {
          /** The layer. */
          id: string;
          /** What comparing its bytes with its digest has shown. */
          result: 'same' | 'digest taken' | 'sound again' | 'DAMAGED';
        }[];
        findings?: {
          /** Whether something cannot be used or may be lost. */
          severity: 'error' | 'warning';
          /** The thing with the fault. */
          subject: string;
          found: string;
          cure: string;
        }[];
        /** Of a command inside a machine. */
        exit_code?: number;
        stdout?: string;
        stderr?: string;
        /** Whether an output was longer. */
        is_cut?: boolean;
      } | null;
      /** When it was begun. */
      begun_at: string;
    };
    extension: true;
  };
  /** List the machines of all organisations, oldest first. */
  machineList: {
    input: {
      /** Only what comes after this one: `next` of the page before. */
      after?: string | undefined;
      /** How many at most. Default: 100. */
      limit?: number | undefined;
    };
    answer: {
      machines: {
        id: number;
        name: string;
        organisation_id: number;
        /** As its organisation sees it. */
        status: string;
      }[];
      /** The last one of this page; null when no more come. */
      next: string | null;
    };
    extension: true;
  };
  /** Begin to run a command inside a machine, as its root, for two minutes at most. */
  machineExec: {
    input: {
      /** ID of the machine. */
      id: number;
      /** A program of the guest and its arguments; no shell is put around them. */
      command: string[];
    };
    answer: {
      /** ID of the work. */
      id: string;
      /** Its name in the audit trail. */
      action: string;
      /** How far it is. */
      status: 'running' | 'done' | 'failed';
      /** What it does now. */
      phase: string | null;
      failure: {
        /** As that of a request that is refused. */
        client_code: number;
        /** The HTTP status of such a refusal. */
        status: number;
        message: string;
      } | null;
      result: {
        base?: {
          id: number;
          name: string;
          size_gb: number;
          layer_id: string;
          /** When it was added. */
          created_at: string;
          /** Since when it is known to work. */
          proved_at: string | null;
          /** When its last trial failed. */
          failed_at: string | null;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
          /** Since when it is not taken where no base is named. */
          held_at: string | null;
        };
        /** Known against the base. */
        warnings?: string[];
        trial?: {
          works: boolean;
          /** Why it does not work; empty when it does. */
          said: string;
        };
        healed?: {
          id: number;
          name: string;
          /** That failed by the damage and are available again. */
          images: number;
        };
        software?: {
          id: number;
          name: string;
          size_gb: number;
          recipe: {
            script: string;
            files: {
              name: string;
              sha256: string;
              bytes: number;
            }[];
            /** Whether its build machine reaches the network. */
            network: boolean;
            /** The limit of the installation. */
            timeout_ms: number;
            /** Least processors of the build machine. */
            cpus?: number;
            /** Its least memory. */
            memory_mb?: number;
            /** The exit status with which the script asks to be run again after a reboot. */
            reboot_status?: number;
            /** With a network: how long builds use its layer again. Default: for ever. */
            max_age_ms?: number;
            /** Titles that must be installed with it, before it. */
            requires?: string[];
            /** Titles that are installed before it when both are wanted. */
            after?: string[];
          };
          /** Of all that decides the result. */
          recipe_digest: string;
          /** When it was added. */
          created_at: string;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
        };
        layers?: {
          /** The layer. */
          id: string;
          /** What comparing its bytes with its digest has shown. */
          result: 'same' | 'digest taken' | 'sound again' | 'DAMAGED';
        }[];
        findings?: {
          /** Whether something cannot be used or may be lost. */
          severity: 'error' | 'warning';
          /** The thing with the fault. */
          subject: string;
          found: string;
          cure: string;
        }[];
        /** Of a command inside a machine. */
        exit_code?: number;
        stdout?: string;
        stderr?: string;
        /** Whether an output was longer. */
        is_cut?: boolean;
      } | null;
      /** When it was begun. */
      begun_at: string;
    };
    extension: true;
  };
  /** List the hosts that machines have disks on, and whether they answer. */
  memberList: {
    input: Record<never, never>;
    answer: {
      members: {
        name: string;
        /** False: what runs there is not known. */
        answers: boolean;
        /** Disks of machines that are there. */
        disks: number;
      }[];
    };
    extension: true;
  };
  /** Show how far long work is that this key asked for, and its result for a day. */
  errandGet: {
    input: {
      /** ID of the work. */
      id: string;
    };
    answer: {
      /** ID of the work. */
      id: string;
      /** Its name in the audit trail. */
      action: string;
      /** How far it is. */
      status: 'running' | 'done' | 'failed';
      /** What it does now. */
      phase: string | null;
      failure: {
        /** As that of a request that is refused. */
        client_code: number;
        /** The HTTP status of such a refusal. */
        status: number;
        message: string;
      } | null;
      result: {
        base?: {
          id: number;
          name: string;
          size_gb: number;
          layer_id: string;
          /** When it was added. */
          created_at: string;
          /** Since when it is known to work. */
          proved_at: string | null;
          /** When its last trial failed. */
          failed_at: string | null;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
          /** Since when it is not taken where no base is named. */
          held_at: string | null;
        };
        /** Known against the base. */
        warnings?: string[];
        trial?: {
          works: boolean;
          /** Why it does not work; empty when it does. */
          said: string;
        };
        healed?: {
          id: number;
          name: string;
          /** That failed by the damage and are available again. */
          images: number;
        };
        software?: {
          id: number;
          name: string;
          size_gb: number;
          recipe: {
            script: string;
            files: {
              name: string;
              sha256: string;
              bytes: number;
            }[];
            /** Whether its build machine reaches the network. */
            network: boolean;
            /** The limit of the installation. */
            timeout_ms: number;
            /** Least processors of the build machine. */
            cpus?: number;
            /** Its least memory. */
            memory_mb?: number;
            /** The exit status with which the script asks to be run again after a reboot. */
            reboot_status?: number;
            /** With a network: how long builds use its layer again. Default: for ever. */
            max_age_ms?: number;
            /** Titles that must be installed with it, before it. */
            requires?: string[];
            /** Titles that are installed before it when both are wanted. */
            after?: string[];
          };
          /** Of all that decides the result. */
          recipe_digest: string;
          /** When it was added. */
          created_at: string;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
        };
        layers?: {
          /** The layer. */
          id: string;
          /** What comparing its bytes with its digest has shown. */
          result: 'same' | 'digest taken' | 'sound again' | 'DAMAGED';
        }[];
        findings?: {
          /** Whether something cannot be used or may be lost. */
          severity: 'error' | 'warning';
          /** The thing with the fault. */
          subject: string;
          found: string;
          cure: string;
        }[];
        /** Of a command inside a machine. */
        exit_code?: number;
        stdout?: string;
        stderr?: string;
        /** Whether an output was longer. */
        is_cut?: boolean;
      } | null;
      /** When it was begun. */
      begun_at: string;
    };
    extension: true;
  };
  /** End long work that this key asked for; what it did is undone. */
  errandCancel: {
    input: {
      /** ID of the work. */
      id: string;
    };
    answer: {
      /** ID of the work. */
      id: string;
      /** Its name in the audit trail. */
      action: string;
      /** How far it is. */
      status: 'running' | 'done' | 'failed';
      /** What it does now. */
      phase: string | null;
      failure: {
        /** As that of a request that is refused. */
        client_code: number;
        /** The HTTP status of such a refusal. */
        status: number;
        message: string;
      } | null;
      result: {
        base?: {
          id: number;
          name: string;
          size_gb: number;
          layer_id: string;
          /** When it was added. */
          created_at: string;
          /** Since when it is known to work. */
          proved_at: string | null;
          /** When its last trial failed. */
          failed_at: string | null;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
          /** Since when it is not taken where no base is named. */
          held_at: string | null;
        };
        /** Known against the base. */
        warnings?: string[];
        trial?: {
          works: boolean;
          /** Why it does not work; empty when it does. */
          said: string;
        };
        healed?: {
          id: number;
          name: string;
          /** That failed by the damage and are available again. */
          images: number;
        };
        software?: {
          id: number;
          name: string;
          size_gb: number;
          recipe: {
            script: string;
            files: {
              name: string;
              sha256: string;
              bytes: number;
            }[];
            /** Whether its build machine reaches the network. */
            network: boolean;
            /** The limit of the installation. */
            timeout_ms: number;
            /** Least processors of the build machine. */
            cpus?: number;
            /** Its least memory. */
            memory_mb?: number;
            /** The exit status with which the script asks to be run again after a reboot. */
            reboot_status?: number;
            /** With a network: how long builds use its layer again. Default: for ever. */
            max_age_ms?: number;
            /** Titles that must be installed with it, before it. */
            requires?: string[];
            /** Titles that are installed before it when both are wanted. */
            after?: string[];
          };
          /** Of all that decides the result. */
          recipe_digest: string;
          /** When it was added. */
          created_at: string;
          /** The version in its name; null when it has none. */
          version: string | null;
          /** Since when it is not offered; null while it is. */
          retired_at: string | null;
        };
        layers?: {
          /** The layer. */
          id: string;
          /** What comparing its bytes with its digest has shown. */
          result: 'same' | 'digest taken' | 'sound again' | 'DAMAGED';
        }[];
        findings?: {
          /** Whether something cannot be used or may be lost. */
          severity: 'error' | 'warning';
          /** The thing with the fault. */
          subject: string;
          found: string;
          cure: string;
        }[];
        /** Of a command inside a machine. */
        exit_code?: number;
        stdout?: string;
        stderr?: string;
        /** Whether an output was longer. */
        is_cut?: boolean;
      } | null;
      /** When it was begun. */
      begun_at: string;
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
  /** List the templates of images, from whose memory machines start at once. */
  templateList: {
    input: Record<never, never>;
    answer: {
      templates: {
        id: string;
        /** The image or base that it is for; null when none is left. */
        name: string | null;
        /** The head of the chain of that image. */
        layer_id: string;
        /** Of the machines that it fits. */
        cpus: number;
        /** Of the machines that it fits. */
        memory_mb: number;
        /** Of the machines that it fits. */
        disk_size_gb: number;
        /** Whether machines start from it. */
        state: 'making' | 'ready' | 'failed' | 'deleting';
        /** What its making does now. */
        phase: string | null;
        /** Why it failed, or is removed. */
        reason: string | null;
        /** In a row. */
        failures: number;
        /** When it is tried again. */
        tries_again_at: string | null;
        /** Of what runs the machines. */
        fingerprint: string;
        /** The layer on which the disks of its machines stand. */
        result_layer_id: string | null;
        /** Of its files and its layer. */
        bytes: number;
        /** Of the state of the devices. */
        state_bytes: number;
        /** Of the memory. */
        memory_bytes: number;
        /** Digest of the state. */
        state_sha256: string | null;
        /** Digest of the memory. */
        memory_sha256: string | null;
        /** When it was asked for. */
        created_at: string;
        /** When it became ready. */
        made_at: string | null;
        /** When a machine last started from it, to a minute. */
        last_used_at: string | null;
        /** When its files last had their digests. */
        verified_at: string | null;
        /** Since when it is being removed. */
        deleting_at: string | null;
      }[];
    };
    extension: true;
  };
  /** Ask for the templates of an image. */
  templateMake: {
    input: {
      /** Of any organisation. */
      image_id: number;
      /** Whose size it fits. Default: those of all machines of the organisation. */
      machine_type_id?: number | undefined;
    };
    answer: {
      /** Also those that there are already. */
      templates: {
        id: string;
        /** The image or base that it is for; null when none is left. */
        name: string | null;
        /** The head of the chain of that image. */
        layer_id: string;
        /** Of the machines that it fits. */
        cpus: number;
        /** Of the machines that it fits. */
        memory_mb: number;
        /** Of the machines that it fits. */
        disk_size_gb: number;
        /** Whether machines start from it. */
        state: 'making' | 'ready' | 'failed' | 'deleting';
        /** What its making does now. */
        phase: string | null;
        /** Why it failed, or is removed. */
        reason: string | null;
        /** In a row. */
        failures: number;
        /** When it is tried again. */
        tries_again_at: string | null;
        /** Of what runs the machines. */
        fingerprint: string;
        /** The layer on which the disks of its machines stand. */
        result_layer_id: string | null;
        /** Of its files and its layer. */
        bytes: number;
        /** Of the state of the devices. */
        state_bytes: number;
        /** Of the memory. */
        memory_bytes: number;
        /** Digest of the state. */
        state_sha256: string | null;
        /** Digest of the memory. */
        memory_sha256: string | null;
        /** When it was asked for. */
        created_at: string;
        /** When it became ready. */
        made_at: string | null;
        /** When a machine last started from it, to a minute. */
        last_used_at: string | null;
        /** When its files last had their digests. */
        verified_at: string | null;
        /** Since when it is being removed. */
        deleting_at: string | null;
      }[];
    };
    extension: true;
  };
  /** Remove a template; one that is wanted is made again. */
  templateDelete: {
    input: {
      /** ID of the template. */
      id: string;
    };
    answer: Record<never, never>;
    extension: true;
  };
}
