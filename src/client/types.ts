// The inputs and the answers of all operations, as plain types.
// Printed from src/contract/table.ts; do not edit it. Type: npm run contract

export interface Envelope {
  /** 200 for success. */
  client_code: number;
  /** "OK" for success. */
  message: string;
  /** When the answer was made; whole seconds, UTC. */
  timestamp: string;
}

export interface FleetEvent {
  /** The id, for Last-Event-ID; also in the field id of the stream. An event of a log of long ago has none. */
  id?: string;
  /** What happened; also in the field event of the stream. */
  type: 'image.changed' | 'image.progress' | 'image.log' | 'machine.changed' | 'machine.progress' | 'transfer.changed' | 'transfer.progress' | 'layer.damaged' | 'layer.healed' | 'host.low' | 'host.recovered';
  subject: {
    /** The kind of thing. */
    type: 'image' | 'machine' | 'transfer' | 'layer' | 'host';
    /** Its id; empty for the host. */
    id: string;
  };
  /** When it happened. */
  created_at?: string;
  /** The status that the thing has; deleted: it is gone. */
  status?: string;
  /** The beginning of the reason for the status. */
  status_reason?: string;
  /** The operation that changed it. */
  operation?: string;
  /** x-request-id of the request that changed it. */
  request_id?: string;
  /** The step that its work has begun. */
  phase?: string;
  /** How much of its work is done, 0 to 1. */
  progress?: number;
  /** How long the rest takes when it goes on as fast. */
  remaining_ms?: number;
  /** Why its work has to be tried again. */
  waits_because?: string;
  /** How much of a transfer is here. */
  bytes?: number;
  /** How large it is; 0 while that is not known. */
  bytes_total?: number;
  /** The step of the build that printed the lines. */
  position?: number;
  /** The software of that step. */
  software?: string;
  /** What it printed, without the newlines. */
  lines?: string[];
  /** At the end of a step: whether its layer had been made before. */
  cache?: 'hit' | 'miss';
  /** Of a machine that became ready: how it was started. */
  started_from?: 'memory' | 'disk';
  /** How long that took. */
  started_ms?: number;
  /** At the end of a step: the exit status of its recipe. */
  exit_code?: number | null;
}

export interface Image {
  id: string;
  type: 'image';
  attributes: ImageAttributes;
}

export interface ImageAttributes {
  /** Image ID. */
  id: number;
  /** Image name. */
  name: string;
  /** Image size in GB. */
  size: number;
  /** Image status. */
  status: 'pending' | 'building' | 'available' | 'failed';
  /** How the image was created. */
  source: 'pre_installation' | 'seat';
  /** Image creation timestamp. */
  created_at: string;
  /** Image last update timestamp. */
  updated_at: string;
  /** Software pre-installed in this image. */
  softwares: SoftwareData[];
  /** Why the image failed; null otherwise. */
  status_reason: string | null;
  /** How much of its creation is done, 0 to 1. */
  progress: number;
  /** Whether its deletion is refused. */
  protected: boolean;
  /** When it was deleted; null unless deleted images are listed. */
  deleted_at: string | null;
  /** What its creation is doing now; null when nothing is. */
  phase: string | null;
  /** The base image that it stands on; null when it stands on none. */
  base_id: number | null;
  /** Name of that base image, with its version. */
  base_name: string | null;
  /** Version of that base image; null when it has none. */
  base_version: string | null;
  /** When templates are made of it; inherit: as for its organisation. */
  templates: 'always' | 'on-assignment' | 'never' | 'inherit';
}

export interface SoftwareData {
  id: string;
  type: 'software';
  attributes: Software;
}

export interface Software {
  /** Software ID. */
  id: number;
  /** Software name. */
  name: string;
  /** Software size in GB. */
  size: number;
}

export interface BuildStep {
  /** Place in the order of installation, from 1. */
  position: number;
  software_id: number;
  name: string;
  /** Whether a layer that an earlier build made was used, by whichever organisation on this installation. */
  cache: 'hit' | 'miss';
  /** Exit status of the recipe; null on a hit. */
  exit_code: number | null;
  duration_ms: number;
  /** What the recipe printed; the middle of a long output is left out, and the beginning where all outputs together are longer than 1 MiB. */
  output: string;
  /** Lines of the output in which a package manager could not reach its sources. */
  warnings: string[];
}

export interface FileDifference {
  id: string;
  type: 'file_difference';
  attributes: {
    /** `wanted`: the files are being compared. `listed`: they were. `unread`: they could not be. */
    state: 'wanted' | 'listed' | 'unread';
    /** Why they could not be compared. */
    reason: string | null;
    changes: FileChange[];
    /** What the difference lacks. */
    notes: string[];
  };
}

export interface FileChange {
  path: string;
  /** Null for a file that was added. */
  before: {
    kind: 'file' | 'folder' | 'link' | 'other';
    size_bytes: number;
    mode: number;
    uid: number;
    gid: number;
    /** Seconds since 1970. */
    modified_s: number;
  } | null;
  /** Null for a file that was removed. */
  after: {
    kind: 'file' | 'folder' | 'link' | 'other';
    size_bytes: number;
    mode: number;
    uid: number;
    gid: number;
    /** Seconds since 1970. */
    modified_s: number;
  } | null;
}

export interface PackageList {
  id: string;
  type: 'package_list';
  attributes: {
    /** `wanted`: it is being read. `listed`: it was. `unread`: it could not be. */
    state: 'wanted' | 'listed' | 'unread';
    /** Why it could not be read. */
    reason: string | null;
    /** When it was read, or could not be. */
    listed_at: string | null;
    /** The operating system, from its file os-release; null when it has none. */
    system: {
      id: string;
      version: string | null;
      title: string;
    } | null;
    /** Number of packages. */
    count: number;
    packages: Package[];
    /** What the list lacks. */
    notes: string[];
  };
}

export interface Package {
  /** Of dpkg, of rpm, or of apk. */
  kind: 'deb' | 'rpm' | 'apk';
  name: string;
  /** With its epoch and release. */
  version: string;
  /** Null where the database has none. */
  architecture: string | null;
  /** The source that it was built from, where that has another name. */
  source: string | null;
  /** As the package says it; null where the database has none. */
  licence: string | null;
}

export interface Sbom {
  id: string;
  type: 'sbom';
  attributes: {
    /** CycloneDX 1.6 or SPDX 2.3. */
    format: 'cyclonedx' | 'spdx';
    /** Of the document. */
    media_type: string;
    /** The document: JSON, as a text. */
    document: string;
  };
}

export interface ImageDifference {
  id: string;
  type: 'image_difference';
  attributes: {
    /** The image, or the base, that it is compared with. */
    from: string;
    added: Package[];
    removed: Package[];
    changed: PackageChange[];
    /** What the two lists lack. */
    notes: string[];
  };
}

export interface PackageChange {
  /** Of dpkg, of rpm, or of apk. */
  kind: 'deb' | 'rpm' | 'apk';
  name: string;
  /** Null where the database has none. */
  architecture: string | null;
  /** The version before. */
  from: string;
  /** The version after. */
  to: string;
}

export interface Transfer {
  id: string;
  type: 'transfer';
  attributes: {
    id: string;
    /** Which way. */
    kind: 'export' | 'import';
    /** Format of the file. */
    format: 'qcow2' | 'raw';
    /** The image; null until the bytes of an import are all there. */
    image_id: number | null;
    name: string;
    /** `receiving`: its parts are awaited. `building`: it is worked on. `available`: the file can be downloaded, or the image is there. */
    status: 'receiving' | 'building' | 'available' | 'failed';
    /** Why it failed. */
    status_reason: string | null;
    /** Of the whole file; 0 while it is made. */
    size_bytes: number;
    /** Where the next part begins. */
    received_bytes: number;
    /** Digest of the file, in hexadecimal; null when it is not known. */
    sha256: string | null;
    /** What the file is: JSON, kept as it is because its signature covers the text. */
    manifest: string | null;
    /** Of the manifest's text, ed25519, base64. */
    signature: string | null;
    /** The manifest of an export as provenance: a statement of in-toto with SLSA provenance, in a signed envelope (DSSE), as JSON; null for an import, and for an export of an earlier version. */
    attestation: string | null;
    /** When it was asked for. */
    created_at: string;
    /** From when on its file may go. */
    expires_at: string;
  };
}

export interface Machine {
  id: string;
  type: 'machine';
  attributes: MachineAttributes;
}

export interface MachineAttributes {
  /** Machine ID. */
  id: number;
  name: string;
  /** Region. */
  region: string | null;
  machine_type: string;
  /** Disk size in GB. */
  disk_size: number;
  /** File storage size in GB. */
  file_storage_size: number;
  /** State of the machine. */
  friendly_status: 'off' | 'creating' | 'turning_on' | 'ready' | 'turning_off' | 'resizing_disk' | 'installing' | 'region_migration' | 'warming_up' | 'graceful_stopping';
  /** Image that its disk follows, or will follow at the next start. */
  assigned_image_id: number | null;
  /** Name of that image. */
  assigned_image_name: string | null;
  /** When it was last started. */
  last_session_start_at: string | null;
  /** Seconds of idleness after which it stops; 0 is never. */
  auto_stop_threshold: number;
  /** Bytes. */
  network_credit: number;
  /** Minutes. */
  remaining_usage: number;
  /** Minutes. */
  deposited_usage: number;
  usage_source: string;
  user: User | null;
  permissions: MachinePermissions;
  /** Always null. */
  task: null;
  /** Why the last start failed, why it went off by itself, or what it lacks while it is ready. */
  status_reason: string | null;
  /** Its disk is recreated from the assigned image at the next start. */
  assignment_pending: boolean;
  /** What is being done to it; null when nothing is. */
  phase: string | null;
  /** When it was deleted; null unless deleted machines are listed. */
  deleted_at: string | null;
  /** Processors that it has while it is on. */
  cpus: number;
  /** MB of memory that it has while it is on. */
  memory_mb: number;
  /** By which it is reached while it is on, as its guest says; none when they are not known. */
  addresses: string[];
  /** The network of its machine type: none, user, tap, or bridge:NAME; null: that of the server. */
  network: string | null;
  /** Whether it stays off or is started again when its guest died. */
  crash_policy: 'off' | 'restart';
  /** When it is started again after its guest died; null when it is not. */
  restarts_at: string | null;
  /** The host on which its disk is, of an engine that has several; null when it is not known. */
  place: string | null;
  /** How it was last started; null before its first start. */
  started: {
    /** memory: from that of a template; disk: it booted. */
    from: 'memory' | 'disk';
    /** Why a fresh disk was booted; null where nothing is to be said. */
    because: string | null;
    /** From the request until it was ready. */
    ms: number;
  } | null;
  /** The root file system of its disk, as its guest agent said last; null when that is not known. */
  root_system: {
    /** Its device, as the guest calls it. */
    device: string;
    /** Such as ext4. */
    type: string;
    /** Its size. */
    bytes: number;
    /** The size of the machine's disk. */
    disk_bytes: number;
    /** Why much of the disk is in no file system, and what to do; null when it is in use. */
    unused: string | null;
  } | null;
}

export interface User {
  id: string;
  type: string;
  attributes: {
    email: string;
    name: string;
  };
}

export interface MachinePermissions {
  public_internet_access: boolean;
  can_download_from_vagon_workstation: boolean;
  analytics_collection_enabled: boolean;
  clipboard_enabled: boolean;
  screen_recording_enabled: boolean;
  input_recording_enabled: boolean;
}

export interface Plan {
  id: string;
  type: 'plan';
  attributes: {
    name: string;
    machine_type: string;
    /** Virtual processors. */
    cpus: number;
    /** Memory in MB. */
    memory_mb: number;
    /** Disk size in GB. */
    disk_size: number;
  };
}

export interface MachineType {
  id: string;
  type: 'machine_type';
  attributes: {
    name: string;
    friendly_name: string;
  };
}

export interface PermissionField {
  name: string;
  type: string;
  default: boolean;
}

export interface MachineForward {
  id: string;
  type: 'machine_forward';
  attributes: {
    id: number;
    /** Protocol. */
    protocol: 'tcp' | 'udp';
    /** IPv4 address of the host on which the port listens. */
    address: string;
    /** Port of the host. */
    port: number;
    /** Port of the machine. */
    guest_port: number;
    /** Whether it leads to the machine now. */
    open: boolean;
    /** Why the host cannot open it while the machine is on; null when it can. */
    fault: string | null;
    /** When it was added. */
    created_at: string;
  };
}

export interface Disk {
  id: string;
  type: 'disk';
  attributes: {
    id: string;
    /** `active`: the machine's own. `kept`: a kept disk, which was replaced and can be put back. */
    state: 'active' | 'kept';
    /** GB that the machine sees. */
    size: number;
    /** What it takes on the disk of the host; null until it was looked at. */
    stored_bytes: number | null;
    /** The image that it was made from; null: a base image. */
    image_id: number | null;
    /** Until when it can be put back; null for the own disk. */
    kept_until: string | null;
    /** When it was made. */
    created_at: string;
  };
}

export interface MachineConsole {
  id: string;
  type: 'machine_console';
  attributes: {
    /** At most 16 KiB, without control characters; null when no start has failed. */
    shown: string | null;
    /** When the start was given up. */
    kept_at: string | null;
  };
}

export interface Access {
  id: string;
  type: 'access';
  attributes: {
    uid: string;
    /** Opens the machine once; shown here only. GET at the link shows the id, name and state of the machine and uses nothing up; POST there answers the same, and uses the link up; its session opens websockets below /access/SESSION: screen and console. */
    connection_link: string;
    /** Until when the link is good. */
    expires_at: string;
  };
}

export interface CatalogueSoftware {
  /** Software ID. */
  id: number;
  /** Software name. */
  name: string;
  /** Software size in GB. */
  size: number;
  /** The version in its name; null when it has none. */
  version: string | null;
  type: 'software';
  attributes: {
    /** Software ID. */
    id: number;
    /** Software name. */
    name: string;
    /** Software size in GB. */
    size: number;
    /** The version in its name; null when it has none. */
    version: string | null;
  };
}

export interface CatalogueBaseImage {
  /** Base image ID. */
  id: number;
  /** Base image name. */
  name: string;
  /** Base image size in GB. */
  size: number;
  /** The version in its name; null when it has none. */
  version: string | null;
  type: 'base_image';
  attributes: {
    /** Base image ID. */
    id: number;
    /** Base image name. */
    name: string;
    /** Base image size in GB. */
    size: number;
    /** The version in its name; null when it has none. */
    version: string | null;
  };
}

export interface UserActionLog {
  id: string;
  type: 'user_action_log';
  attributes: {
    /** What was asked for, such as image_created. */
    action_type: string;
    /** When it was done. */
    created_at: string;
    /** Always null: keys act, not users. */
    user_email: string | null;
    /** The machine it was done to. */
    organization_machine_id: number | null;
    metadata: {
      /** The key that did it. */
      key: string;
      /** The image it was done with. */
      image_id: number | null;
      /** The transfer it was done with. */
      transfer_id: string | null;
      /** The key that was made, replaced or revoked. */
      touched_key: string | null;
      /** The webhook it was done to. */
      webhook_id: string | null;
      /** Where a viewer of a machine came from. */
      address: string | null;
      /** How long the view lasted, at its end. */
      duration_ms: number | null;
      /** x-request-id of the answer. */
      request_id: string;
      /** 200, or with what it was refused: then nothing was changed. */
      client_code: number;
    };
  };
}

export interface Webhook {
  id: string;
  type: 'webhook';
  attributes: {
    id: string;
    /** The address that is told of events. */
    url: string;
    /** The events that it is told of. */
    types: ('image.changed' | 'image.progress' | 'image.log' | 'machine.changed' | 'machine.progress' | 'transfer.changed' | 'transfer.progress' | 'layer.damaged' | 'layer.healed' | 'host.low' | 'host.recovered')[];
    /** When it was made. */
    created_at: string;
    /** Since when it is told of nothing; null when it is. */
    paused_at: string | null;
    /** Until when deliveries are signed with the secret from before the rotation, too. */
    old_secret_until: string | null;
    /** How many deliveries wait. */
    waiting: number;
    /** How many deliveries are dead. */
    dead: number;
  };
}

export interface WebhookDelivery {
  id: string;
  type: 'webhook_delivery';
  attributes: {
    id: number;
    /** What happened; ping for a ping. */
    event_type: string;
    /** The thing, such as image:5. */
    subject: string;
    /** `dead`: it was tried for a day; it is sent again by hand. */
    state: 'waiting' | 'delivered' | 'dead';
    /** How often it was sent. */
    attempts: number;
    /** What the last attempt was answered; null before the first. */
    answer: string | null;
    /** The JSON that is sent. */
    body: string;
    /** When it was first to be sent. */
    created_at: string;
    /** When it is sent next; null when it has ended. */
    next_attempt_at: string | null;
  };
}

/** The fields that only servers of Silversmith have. */
export type ExtensionField = 'before' | 'deleted' | 'next_before' | 'status_reason' | 'progress' | 'protected' | 'deleted_at' | 'phase' | 'base_id' | 'base_name' | 'base_version' | 'templates' | 'generalize' | 'refresh' | 'assignment_pending' | 'cpus' | 'memory_mb' | 'addresses' | 'network' | 'crash_policy' | 'restarts_at' | 'place' | 'started' | 'root_system' | 'version' | 'touched_key' | 'webhook_id' | 'address' | 'duration_ms';

/** What each operation takes and answers; `content` says which of the two is bytes. */
export interface Operations {
  /** List the images of the organisation, newest first. */
  imageList: {
    input: {
      /** Page number. Default: 1. */
      page?: number | undefined;
      /** Records per page. Default: 20. */
      per_page?: number | undefined;
      /** Instead of a page: the first items with lower ids, whatever is deleted meanwhile. */
      before?: number | undefined;
      /** Search; matches anywhere, in any case, and takes % and _ literally. */
      q?: string | undefined;
      /** Instead of the images, those deleted that can be brought back. */
      deleted?: boolean | undefined;
    };
    answer: {
      images: Image[];
      /** Number of all matches, not only of this page. */
      count: number;
      /** Current page number. */
      page: number;
      /** Next page number; null on the last page and beyond it. */
      next_page: number | null;
      /** What `before` must be for the items that follow; null at the end. */
      next_before: number | null;
    };
  };
  /** Show an image. */
  imageGet: {
    input: {
      /** ID. */
      id: number;
    };
    answer: Image;
  };
  /** Create an image from a stopped machine. */
  imageCapture: {
    input: {
      /** ID of the machine to create an image from; it must be off. */
      machine_id: number;
      /** Name of the image, 1 to 30 characters. Default: "Template #{image id}". No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      name?: string | undefined;
      /** Take away what identifies the machine (ids, host keys, logs, histories). Default: as the organisation has it. */
      generalize?: boolean | undefined;
    };
    answer: Image;
  };
  /** Create an image from a base image and a list of software. */
  imageInstall: {
    input: {
      /** Name of the image, 1 to 30 characters. Default: "Template #{image id}". No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      name?: string | undefined;
      /** Software to install; duplicates count once. Default: none. */
      software_ids?: number[] | undefined;
      /** Base image to build from. Default: the newest. */
      base_image_id?: number | undefined;
      /** Make the steps that reach the network anew, and all that stand on them. Default: false. */
      refresh?: boolean | undefined;
    };
    answer: Image;
  };
  /** Delete an image; machines that run on it keep working. */
  imageDelete: {
    input: {
      /** ID. */
      id: number;
    };
    answer: Record<never, never>;
  };
  /** End the making of an image; it becomes failed with the reason "cancelled". */
  imageCancel: {
    input: {
      /** ID. */
      id: number;
    };
    answer: Image;
    extension: true;
  };
  /** Bring a deleted image back while its bytes are kept, and with it its assignments. */
  imageRestore: {
    input: {
      /** ID. */
      id: number;
    };
    answer: {
      id: string;
      type: 'image';
      attributes: ImageAttributes;
      /** Machines to which it is assigned again. */
      count: number;
    };
    extension: true;
  };
  /** Protect an image from deletion, or end that. */
  imageProtect: {
    input: {
      /** ID. */
      id: number;
      /** Whether deletion is refused. */
      protected: boolean;
    };
    answer: Image;
    extension: true;
  };
  /** Set when templates of an image are made, from whose memory machines start at once. */
  imageTemplatesSet: {
    input: {
      /** ID. */
      id: number;
      /** on-assignment: while it is assigned to a machine; inherit: as for the organisation. */
      templates: 'always' | 'on-assignment' | 'never' | 'inherit';
    };
    answer: Image;
    extension: true;
  };
  /** Show the steps of an image's creation and what each printed. */
  imageLog: {
    input: {
      /** ID. */
      id: number;
      /** Answer with a stream of server-sent events instead: image.log for what is printed, until the image is available or failed; then the event end. With the header Last-Event-ID, begin after that event. */
      follow?: boolean | undefined;
    };
    answer: {
      steps: BuildStep[];
      /** The step that runs, with the end of what it has printed so far; null when none does. */
      running: {
        /** Null for a generalisation. */
        position: number | null;
        name: string;
        output: string;
      } | null;
      /** What a generalisation cleared and warned of, a line each; null when there was none. */
      report: string | null;
    };
    extension: true;
  };
  /** Assign an image to machines; their disks are recreated from it at their next start. */
  imageAssign: {
    input: {
      /** ID. */
      id: number;
      /** Machines to assign the image to; duplicates count once; all or nothing. */
      machine_ids: number[];
    };
    answer: Record<never, never>;
  };
  /** Take an assignment back: machines get the disk, or the assignment, that they had before. */
  imageAssignUndo: {
    input: {
      /** ID. */
      id: number;
      /** Default: every machine to which the image is assigned. */
      machine_ids?: number[] | undefined;
    };
    answer: {
      /** Machines that were changed. */
      count: number;
    };
    extension: true;
  };
  /** Show what an image takes, and its layers. */
  imageStorage: {
    input: {
      /** ID. */
      id: number;
    };
    answer: {
      /** What a machine sees. */
      virtual_bytes: number;
      /** What all its layers take on the disk of the host. */
      stored_bytes: number;
      /** What would be free if it went. */
      exclusive_bytes: number;
      /** What it shares with other images, disks or the catalogue. */
      shared_bytes: number;
      /** From the head down to the base. */
      layers: {
        id: string;
        /** What made it. */
        kind: 'base' | 'software' | 'capture' | 'template';
        /** Whether it can be used. */
        state: 'building' | 'sealed' | 'quarantined' | 'deleting';
        /** What it takes on the disk of the host. */
        stored_bytes: number;
        /** Of its bytes; null until it is known. */
        digest: string | null;
        /** When its bytes were last compared with the digest. */
        verified_at: string | null;
      }[];
    };
    extension: true;
  };
  /** List what hangs on an image, and what its deletion would free. */
  imageDependents: {
    input: {
      /** ID. */
      id: number;
    };
    answer: {
      machines: {
        id: number;
        name: string;
        /** The image is assigned to it. */
        assigned: boolean;
        /** Its disk stands on the image. */
        disk: boolean;
      }[];
      /** Images made on top of it. */
      images: {
        id: number;
        name: string;
      }[];
      /** Kept disks that stand on it. */
      kept_disks: number;
      /** What would be free at once if it went. */
      freed_bytes: number;
    };
    extension: true;
  };
  /** Ask how the files of an image differ from those of another one, or of its base. */
  imageFileDiffRead: {
    input: {
      /** ID. */
      id: number;
      /** The image that comes before. Default: its base. */
      from?: number | undefined;
    };
    answer: FileDifference;
    extension: true;
  };
  /** Show how the files of an image differ, once that was asked for. */
  imageFileDiff: {
    input: {
      /** ID. */
      id: number;
      /** The image that comes before. Default: its base. */
      from?: number | undefined;
    };
    answer: FileDifference;
    extension: true;
  };
  /** List the packages inside an image, read from its disk when it was made. */
  imagePackages: {
    input: {
      /** ID. */
      id: number;
    };
    answer: PackageList;
    extension: true;
  };
  /** Read the list of packages again, such as after it could not be read. */
  imagePackagesRead: {
    input: {
      /** ID. */
      id: number;
    };
    answer: PackageList;
    extension: true;
  };
  /** Give the list of packages inside an image as a document of a standard form. */
  imageSbom: {
    input: {
      /** ID. */
      id: number;
      /** CycloneDX 1.6 or SPDX 2.3. Default: cyclonedx. */
      format?: 'cyclonedx' | 'spdx' | undefined;
    };
    answer: Sbom;
    extension: true;
  };
  /** Compare the packages inside an image with those of another one, or of its base. */
  imageDiff: {
    input: {
      /** ID. */
      id: number;
      /** The image that comes before. Default: its base. */
      from?: number | undefined;
    };
    answer: ImageDifference;
    extension: true;
  };
  /** Ask for an image as one file that stands alone, with a signed manifest. */
  imageExport: {
    input: {
      /** ID. */
      id: number;
      /** Format of the disk. Default: qcow2. */
      format?: 'qcow2' | 'raw' | undefined;
      /** Of the clusters of a qcow2 (`gzip`: zlib, which QEMU before 5.1 reads too), or of the whole file of a raw disk. Default: zstd for qcow2, none for raw. */
      compression?: 'zstd' | 'gzip' | 'none' | undefined;
    };
    answer: Transfer;
    extension: true;
  };
  /** Open the upload of an image: a disk (qcow2, raw, VMDK, VHD, VHDX, VDI, QED, OVA), also compressed or in an archive. */
  imageImport: {
    input: {
      /** Of the whole file. */
      size_bytes: number;
      /** Default: the manifest's, else Template #{image id}. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      name?: string | undefined;
      /** Digest of the file, compared when all is there. */
      sha256?: string | undefined;
      /** Of an export, as it is. */
      manifest?: string | undefined;
      /** The manifest's. */
      signature?: string | undefined;
    };
    answer: Transfer;
    extension: true;
  };
  /** List the uploads and exports of the organisation, newest first. */
  transferList: {
    input: {
      /** At most so many. Default: 20. */
      per_page?: number | undefined;
      /** Those that follow; next_before of the last answer. */
      before?: string | undefined;
    };
    answer: {
      transfers: Transfer[];
      /** Number of all transfers. */
      count: number;
      /** What `before` must be for those that follow; null at the end. */
      next_before: string | null;
    };
    extension: true;
  };
  /** Show a transfer: how far it is, and the manifest of an export. */
  transferGet: {
    input: {
      /** ID of the transfer. */
      id: string;
    };
    answer: Transfer;
    extension: true;
  };
  /** Send a part of the file, up to 4 MiB, where the last one ended; the nonce of its signature has 36 characters. */
  transferPart: {
    input: {
      /** ID of the transfer. */
      id: string;
      /** Where in the file the part begins. */
      offset: number;
    };
    answer: Transfer;
    content: 'request';
    extension: true;
  };
  /** Make an image of the bytes that were sent, or heal one with them. */
  transferFinish: {
    input: {
      /** ID of the transfer. */
      id: string;
      /** A damaged image whose export this is: its layer gets these bytes, and no image is made. */
      heal_image_id?: number | undefined;
      /** Start a machine on it once; the image is available only when that was ready. Default: false. */
      boot_check?: boolean | undefined;
      /** The firmware that starts the loader on the disk; uefi-secure: only one that is signed. Default: the one that the disk is made for. */
      firmware?: 'bios' | 'uefi' | 'uefi-secure' | undefined;
      /** Whether its guests have a TPM 2.0. */
      tpm?: boolean | undefined;
      /** The name of the disk in an archive that holds several, with its folder or without. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      disk?: string | undefined;
    };
    answer: Image;
    extension: true;
  };
  /** Download the file of an export; takes Range, so that a download goes on. */
  transferContent: {
    input: {
      /** ID of the transfer. */
      id: string;
    };
    answer: Record<never, never>;
    content: 'response';
    extension: true;
  };
  /** End a transfer and forget its bytes. */
  transferDelete: {
    input: {
      /** ID of the transfer. */
      id: string;
    };
    answer: Record<never, never>;
    extension: true;
  };
  /** List the machines of the organisation. */
  machineList: {
    input: {
      /** Page number. Default: 1. */
      page?: number | undefined;
      /** Records per page. Default: 20. */
      per_page?: number | undefined;
      /** Instead of a page: the first items with lower ids, whatever is deleted meanwhile. */
      before?: number | undefined;
      /** Search; matches anywhere, in any case, and takes % and _ literally. */
      q?: string | undefined;
      /** Only machines in this state. */
      status?: 'off' | 'creating' | 'turning_on' | 'ready' | 'turning_off' | 'resizing_disk' | 'installing' | 'region_migration' | 'warming_up' | 'graceful_stopping' | undefined;
      /** Only machines with, or without, a user; there are no users, so none has one. */
      assigned?: boolean | undefined;
      /** Only machines that were, or were not, on since they were made or last reset. */
      has_session_data?: boolean | undefined;
      /** Only machines with at least so many minutes left; nothing is metered, so each has 0. */
      time_left?: number | undefined;
      /** Instead of the machines, those deleted that can be brought back. */
      deleted?: boolean | undefined;
    };
    answer: {
      machines: Machine[];
      /** Number of all matches, not only of this page. */
      count: number;
      /** Current page number. */
      page: number;
      /** Next page number; null on the last page and beyond it. */
      next_page: number | null;
      /** What `before` must be for the items that follow; null at the end. */
      next_before: number | null;
    };
  };
  /** Show a machine. */
  machineGet: {
    input: {
      /** ID. */
      id: number;
    };
    answer: Machine;
  };
  /** Create machines; with software or a base image, an image (silver_image in the answer) is made first and assigned to them. */
  machineCreate: {
    input: {
      /** Machine type of the machines, as GET /plans lists them. */
      plan_id: number;
      /** How many. Default: 1. */
      quantity?: number | undefined;
      software_ids?: number[] | undefined;
      /** Base image ID. */
      base_image_id?: number | undefined;
      /** Region. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      region?: string | undefined;
      permissions?: {
        public_internet_access?: boolean;
        can_download_from_vagon_workstation?: boolean;
        analytics_collection_enabled?: boolean;
        clipboard_enabled?: boolean;
        screen_recording_enabled?: boolean;
        input_recording_enabled?: boolean;
      } | undefined;
    };
    answer: {
      machines: Machine[];
      count: number;
      silver_image?: Image;
    };
  };
  /** Delete a machine that is off; its disk is kept for a while, and it can be brought back until then. */
  machineDelete: {
    input: {
      /** ID. */
      id: number;
    };
    answer: Record<never, never>;
    extension: true;
  };
  /** Bring a deleted machine back with its disk, assignment, permissions and name, while its disk is kept. */
  machineUndelete: {
    input: {
      /** ID. */
      id: number;
    };
    answer: Machine;
    extension: true;
  };
  /** Start a machine. */
  machineStart: {
    input: {
      /** ID. */
      id: number;
      /** Type to give it first. */
      machine_type_id?: number | undefined;
      /** Region. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      region?: string | undefined;
    };
    answer: Record<never, never>;
  };
  /** Stop a machine. */
  machineStop: {
    input: {
      /** ID. */
      id: number;
      /** Give the guest two minutes to shut down by itself, instead of 30 s. Default: false. */
      gracefully?: boolean | undefined;
    };
    answer: Record<never, never>;
  };
  /** Discard a machine's disk; its next start begins from the assigned image, else from the newest base. */
  machineReset: {
    input: {
      /** ID. */
      id: number;
    };
    answer: Record<never, never>;
  };
  /** List the machine types (plans): the sizes in which machines are made. */
  planList: {
    input: Record<never, never>;
    answer: {
      plans: Plan[];
    };
    extension: true;
  };
  /** List the types that a machine can have. */
  machineTypeList: {
    input: {
      /** ID. */
      id: number;
    };
    answer: {
      machine_types: MachineType[];
    };
  };
  /** Give a machine that is off another type; its disk stays as it is. */
  machineTypeSet: {
    input: {
      /** ID. */
      id: number;
      /** Machine type. */
      machine_type_id: number;
    };
    answer: Record<never, never>;
  };
  /** List what a machine may be permitted. */
  machinePermissionFields: {
    input: Record<never, never>;
    answer: {
      permission_fields: PermissionField[];
    };
  };
  /** Permit or forbid a machine something. */
  machinePermissionsSet: {
    input: {
      /** ID. */
      id: number;
      permissions?: {
        public_internet_access?: boolean;
        can_download_from_vagon_workstation?: boolean;
        analytics_collection_enabled?: boolean;
        clipboard_enabled?: boolean;
        screen_recording_enabled?: boolean;
        input_recording_enabled?: boolean;
      } | undefined;
    };
    answer: Record<never, never>;
  };
  /** List the ports of the host that lead to a machine. */
  machineForwardList: {
    input: {
      /** ID. */
      id: number;
    };
    answer: {
      forwards: MachineForward[];
    };
    extension: true;
  };
  /** Let a port of the host lead to a port of a machine on the network `user`, while the machine is on. */
  machineForwardAdd: {
    input: {
      /** ID. */
      id: number;
      /** Port of the host, of those that the operator allows. */
      port: number;
      /** Port of the machine. */
      guest_port: number;
      /** Default: tcp. */
      protocol?: 'tcp' | 'udp' | undefined;
      /** IPv4 address of the host, of those that the operator allows. Default: the first of them, which is 127.0.0.1 unless the operator chose others. */
      address?: string | undefined;
    };
    answer: MachineForward;
    extension: true;
  };
  /** Close a port of the host that leads to a machine, and forget it. */
  machineForwardRemove: {
    input: {
      /** ID. */
      id: number;
      /** ID of the forward. */
      forward: number;
    };
    answer: Record<never, never>;
    extension: true;
  };
  /** Say when a machine stops because it is idle, and whether it starts again after its guest died. */
  machinePolicySet: {
    input: {
      /** ID. */
      id: number;
      /** Seconds of idleness after which it stops; 0 is never. */
      auto_stop_threshold?: number | undefined;
      /** Whether it stays off or is started again when its guest died. */
      crash_policy?: 'off' | 'restart' | undefined;
    };
    answer: Machine;
    extension: true;
  };
  /** List the disk of a machine and its kept disks, newest first. */
  machineDiskList: {
    input: {
      /** ID. */
      id: number;
    };
    answer: {
      disks: Disk[];
    };
    extension: true;
  };
  /** Put a kept disk back, byte for byte; the one in its place becomes a kept disk. */
  machineRestore: {
    input: {
      /** ID. */
      id: number;
      /** Default: the disk that was replaced last. */
      disk_id?: string | undefined;
    };
    answer: Machine;
    extension: true;
  };
  /** Show the end of what a machine showed on its console when its last failed start was given up. */
  machineConsole: {
    input: {
      /** ID. */
      id: number;
    };
    answer: MachineConsole;
    extension: true;
  };
  /** Show what is on the screen of a ready machine now, as a PNG. */
  machineScreen: {
    input: {
      /** ID. */
      id: number;
    };
    answer: Record<never, never>;
    content: 'response';
    extension: true;
  };
  /** Make a link that opens a ready machine once. */
  machineAccess: {
    input: {
      /** ID. */
      id: number;
      /** Seconds for which the link is good. Default: 3600. */
      expires_in?: number | undefined;
    };
    answer: Access;
  };
  /** List the files of the organisation; there is no file storage, so there are none. */
  fileList: {
    input: Record<never, never>;
    answer: {
      /** Always empty: there is no file storage. */
      files: Record<never, never>[];
      current: {
        id: null;
        /** What it is. */
        type: 'directory';
        attributes: {
          path: string;
          parent_id: null;
        };
      };
      /** Number of all matches, not only of this page. */
      count: number;
      /** Current page number. */
      page: number;
      /** Next page number; null on the last page and beyond it. */
      next_page: number | null;
    };
  };
  /** Show the size of the file storage; there is none. */
  fileCapacity: {
    input: Record<never, never>;
    answer: {
      /** Always 0. */
      total: number;
      /** Always 0. */
      in_use: number;
    };
  };
  /** List the files of a machine; there is no file storage, so there are none. */
  machineFileList: {
    input: {
      /** ID. */
      id: number;
    };
    answer: {
      /** Always empty: there is no file storage. */
      files: Record<never, never>[];
      current: {
        id: null;
        /** What it is. */
        type: 'directory';
        attributes: {
          path: string;
          parent_id: null;
        };
      };
      /** Number of all matches, not only of this page. */
      count: number;
      /** Current page number. */
      page: number;
      /** Next page number; null on the last page and beyond it. */
      next_page: number | null;
    };
  };
  /** List the software that can be installed and the base images. */
  softwareList: {
    input: Record<never, never>;
    answer: {
      software: CatalogueSoftware[];
      base_images: CatalogueBaseImage[];
    };
  };
  /** Show what the organisation has and may have. */
  usageGet: {
    input: Record<never, never>;
    answer: {
      /** Images. */
      images: {
        used: number;
        /** The most that the organisation may have. */
        limit: number;
      };
      /** Machines. */
      machines: {
        used: number;
        /** The most that the organisation may have. */
        limit: number;
      };
      /** Images that are being made now. */
      builds: {
        used: number;
        /** The most that the organisation may have. */
        limit: number;
      };
      /** GB that its captures, imports, files of transfers and machines' disks take on the disk of the host until they are gone, and that they may still write. */
      stored_gb: {
        used: number;
        /** The most that the organisation may have. */
        limit: number;
      };
      /** The part of stored_gb that is not written yet: what uploads, exports and captures under way may take, and the growth of disks of machines that are on. */
      reserved_gb: number;
      /** GB of replaced disks that are kept for a while; the oldest give way. */
      kept_gb: {
        used: number;
        /** The most that the organisation may have. */
        limit: number;
      };
      /** The part of stored_gb that machines' own disks take. */
      disks_gb: number;
      /** MB of memory of its machines that are on. */
      memory_mb: number;
      /** Processors of its machines that are on. */
      cpus: number;
    };
    extension: true;
  };
  /** List the keys of the organisation, without their secrets. */
  keyList: {
    input: Record<never, never>;
    answer: {
      keys: {
        id: string;
        name: string;
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
  /** Make a key with no more permissions and no later end than the key that asks; its secret is shown once. */
  keyCreate: {
    input: {
      /** What the key is for. No control or invisible characters but the joiners of emoji and scripts, no space at an end. */
      name: string;
      /** Its permissions, such as images:read. */
      permissions: string[];
      /** From when on it is refused. Default: with the key that asks. */
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
  /** Revoke a key of the organisation at once. */
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
  /** List what was done over the API, newest first, at most 1,000 entries. */
  userActionLogList: {
    input: {
      /** From this date or time on. Default: 30 days before end_date. */
      start_date?: string | undefined;
      /** Up to this date or time. Default: now. */
      end_date?: string | undefined;
      /** Only these: image_created, machine_started and so on. */
      action_type?: string | undefined;
      /** Only this user; keys have none. */
      user_email?: string | undefined;
      /** Only this machine. */
      organization_machine_id?: number | undefined;
      /** Only entries that follow this one; give the dates of the first answer with it. */
      before?: number | undefined;
    };
    answer: {
      logs: UserActionLog[];
      /** Number of all matches. */
      count: number;
      /** Beginning of the time looked at. */
      start_date: string;
      /** Its end. */
      end_date: string;
      /** What `before` must be for the items that follow; null at the end. */
      next_before: number | null;
    };
  };
  /** Listen to what happens to the images, machines, transfers and layers that the key may read, as server-sent events. With the header Last-Event-ID, begin after that event. */
  eventList: {
    input: {
      /** Only events of these, with commas: image, machine, transfer, layer, host. */
      noun?: string | undefined;
      /** Only events of these types, with commas, such as image.changed,image.log. */
      type?: string | undefined;
      /** Only events of these things, with commas, such as image:5,machine:7. */
      subject?: string | undefined;
    };
    answer: Record<never, never>;
    content: 'stream';
    extension: true;
  };
  /** List the webhooks of the organisation. */
  webhookList: {
    input: Record<never, never>;
    answer: {
      webhooks: Webhook[];
    };
    extension: true;
  };
  /** Tell an address of events from now on; the secret that signs them is shown here only. */
  webhookCreate: {
    input: {
      /** http:// or https://. */
      url: string;
      /** Types of events. Default: all but those of progress and logs. */
      types?: string[] | undefined;
    };
    answer: {
      id: string;
      type: 'webhook';
      attributes: {
        id: string;
        /** The address that is told of events. */
        url: string;
        /** The events that it is told of. */
        types: ('image.changed' | 'image.progress' | 'image.log' | 'machine.changed' | 'machine.progress' | 'transfer.changed' | 'transfer.progress' | 'layer.damaged' | 'layer.healed' | 'host.low' | 'host.recovered')[];
        /** When it was made. */
        created_at: string;
        /** Since when it is told of nothing; null when it is. */
        paused_at: string | null;
        /** Until when deliveries are signed with the secret from before the rotation, too. */
        old_secret_until: string | null;
        /** How many deliveries wait. */
        waiting: number;
        /** How many deliveries are dead. */
        dead: number;
      };
      /** whsec_…, in the manner of Standard Webhooks. */
      secret: string;
    };
    extension: true;
  };
  /** Show a webhook. */
  webhookGet: {
    input: {
      /** ID of the webhook. */
      id: string;
    };
    answer: Webhook;
    extension: true;
  };
  /** Change a webhook, or pause it: what happens meanwhile is told when the pause ends, as far as events are kept. */
  webhookUpdate: {
    input: {
      /** ID of the webhook. */
      id: string;
      /** http:// or https://. */
      url?: string | undefined;
      /** Types of events, in place of those before. */
      types?: string[] | undefined;
      /** Whether it is told of nothing. */
      paused?: boolean | undefined;
    };
    answer: Webhook;
    extension: true;
  };
  /** Make a new secret, which is shown here only; deliveries are signed with both for a while. */
  webhookRotate: {
    input: {
      /** ID of the webhook. */
      id: string;
      /** For how long deliveries are signed with the old secret too. Default: 86400. */
      overlap_seconds?: number | undefined;
    };
    answer: {
      id: string;
      type: 'webhook';
      attributes: {
        id: string;
        /** The address that is told of events. */
        url: string;
        /** The events that it is told of. */
        types: ('image.changed' | 'image.progress' | 'image.log' | 'machine.changed' | 'machine.progress' | 'transfer.changed' | 'transfer.progress' | 'layer.damaged' | 'layer.healed' | 'host.low' | 'host.recovered')[];
        /** When it was made. */
        created_at: string;
        /** Since when it is told of nothing; null when it is. */
        paused_at: string | null;
        /** Until when deliveries are signed with the secret from before the rotation, too. */
        old_secret_until: string | null;
        /** How many deliveries wait. */
        waiting: number;
        /** How many deliveries are dead. */
        dead: number;
      };
      /** whsec_…, in the manner of Standard Webhooks. */
      secret: string;
    };
    extension: true;
  };
  /** Remove a webhook with its deliveries. */
  webhookDelete: {
    input: {
      /** ID of the webhook. */
      id: string;
    };
    answer: Record<never, never>;
    extension: true;
  };
  /** Send a delivery that tells nothing, to try the receiver. */
  webhookPing: {
    input: {
      /** ID of the webhook. */
      id: string;
    };
    answer: Record<never, never>;
    extension: true;
  };
  /** List the newest 100 deliveries of a webhook, newest first. */
  webhookDeliveryList: {
    input: {
      /** ID of the webhook. */
      id: string;
      /** Only these. */
      state?: 'waiting' | 'delivered' | 'dead' | undefined;
    };
    answer: {
      deliveries: WebhookDelivery[];
    };
    extension: true;
  };
  /** Send a delivery that has ended once more. */
  webhookRedeliver: {
    input: {
      /** ID of the webhook. */
      id: string;
      /** ID of the delivery. */
      delivery: number;
    };
    answer: WebhookDelivery;
    extension: true;
  };
}
