/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The disk images that guard-blocker opens in a QEMU: their formats, and the directory in which an image stands briefly. */
#include "blocker-image.h"

#include "base/error.h"
#include "base/root.h"
#include "blocker-node.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Where libvirt keeps the private directories, domain-ID-NAME: of qemu:///system; and of a session, below ~/.config/libvirt. */
#define DIRECTORIES "/var/lib/libvirt/qemu"
#define SESSION_DIRECTORIES "qemu/lib"
#define IMAGE NEST_BLOCKER_NODE ".img"
#define IMAGE_SIZE 1024
#define SHORT_NAME 20 /* a name that libvirt has cut has at least this many bytes */
#define LABEL "security.selinux"
#define LABEL_SIZE                                                                                 \
    4096 /* enough: libvirt gives a guest two categories; only a list of all of them is longer */

/* Some bytes of an image; all others are zero. */
typedef struct {
    gsize at;
    gsize length;
    const char *bytes;
} Field;

#define FIELD(at, bytes) ((Field){at, sizeof(bytes) - 1, bytes})
#define MAX_FIELDS 8

struct NestBlockerFormat {
    const char *name;
    gsize size;
    Field fields[MAX_FIELDS];
};

/* The smallest images that QEMU 7.2 opens, according to its block/NAME.c. Their disks have no
 * sectors, or a few. */
static const NestBlockerFormat formats[] = {
    {"vdi",
     512,
     {
         FIELD(0x40, "\x7f\x10\xda\xbe\x01\x00\x01\x00"),  /* signature, version 1.1 */
         FIELD(0x154, "\x00\x02\x00\x00\x00\x02\x00\x00"), /* where the map and the data begin */
         FIELD(0x168, "\x00\x02\x00\x00"),                 /* bytes of a sector */
         FIELD(0x178, "\x00\x00\x10\x00"),                 /* bytes of a block: must be 1 MiB */
     }},
    /* A fixed disk: its only sector, then the footer, whose fields are big-endian. */
    {"vpc",
     1024,
     {
         FIELD(0x200, "conectix"), FIELD(0x20c, "\x00\x01\x00\x00"), /* version 1.0 */
         FIELD(0x210, "\xff\xff\xff\xff\xff\xff\xff\xff"),           /* no dynamic header */
         FIELD(0x21c, "qem2"), /* the creator: the size counts, not the geometry */
         FIELD(0x228,
               "\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x02\0"),    /* bytes of the disk, at first and now */
         FIELD(0x238, "\x00\x00\x01\x01\x00\x00\x00\x02"), /* geometry; a fixed disk */
         FIELD(0x240,
               "\xff\xff\xf3\x2c"), /* all bytes of the footer but these, summed up and inverted */
     }},
    /* A descriptor alone: its only extent needs no file. */
    {"vmdk",
     512,
     {
         FIELD(0, "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n"
                  "createType=\"monolithicFlat\"\nRW 1 ZERO\n"),
     }},
    {"parallels",
     512,
     {
         FIELD(0, "WithoutFreeSpace"), FIELD(0x10, "\x02\x00\x00\x00"), /* version */
         FIELD(0x1c, "\x01\x00\x00\x00"),                               /* sectors of a cluster */
     }},
    {"qcow",
     512,
     {
         FIELD(0, "QFI\xfb\x00\x00\x00\x01"),             /* signature, version 1 */
         FIELD(0x18, "\x00\x00\x00\x00\x00\x00\x02\x00"), /* bytes of the disk */
         FIELD(0x20, "\x0c\x09"),                         /* bits of a cluster and of a table */
         FIELD(0x28, "\x00\x00\x00\x00\x00\x00\x00\x30"), /* where the first table is: after this */
     }},
};

struct NestBlockerDirectory {
    int fd;
    gchar *image; /* its path */
};

const NestBlockerFormat *
nest_blocker_format_get(guint i)
{
    return i < G_N_ELEMENTS(formats) ? &formats[i] : NULL;
}

const NestBlockerFormat *
nest_blocker_format_by_name(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++)
        if (g_str_equal(formats[i].name, name))
            return &formats[i];
    return NULL;
}

const char *
nest_blocker_format_name(const NestBlockerFormat *format)
{
    return format->name;
}

/* (transfer full)(nullable) The guest's directory; NULL where there is not exactly one. libvirt cuts the
 * domain's name in it after 20 characters (virDomainDefGetShortName). After a power failure, an old
 * directory may remain. It matches as well if its guest had the same id and this guest's name begins with
 * its name. */
static gchar *
find_guest_directory(const NestGuest *guest, const char *above)
{
    g_autofree gchar *prefix = g_strdup_printf("domain-%d-", guest->id);
    g_autoptr(GDir) dir = g_dir_open(above, 0, NULL);
    g_autofree gchar *found = NULL;
    const char *name = NULL;

    while (dir && (name = g_dir_read_name(dir))) {
        const char *rest = g_str_has_prefix(name, prefix) ? name + strlen(prefix) : NULL;

        if (!rest || (!g_str_equal(guest->name, rest) &&
                      (strlen(rest) < SHORT_NAME || !g_str_has_prefix(guest->name, rest))))
            continue;
        if (found)
            return NULL;
        found = g_build_filename(above, name, NULL);
    }
    return g_steal_pointer(&found);
}

NestBlockerDirectory *
nest_blocker_directory_open(const NestGuest *guest, GError **error)
{
    g_autofree gchar *above = nest_root_libvirt_path(DIRECTORIES, SESSION_DIRECTORIES);
    g_autofree gchar *path = find_guest_directory(guest, above);
    int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    NestBlockerDirectory *directory = NULL;

    if (fd < 0) {
        g_set_error(
            error, NEST_ERROR, NEST_ERROR_GUARD,
            "%s/domain-%d-*, its QEMU's own directory, cannot be used (%s); only domains of this host's "
            "qemu:///%s can be guarded",
            above, guest->id, path ? g_strerror(errno) : "there is none, or more than one",
            nest_root_is_session() ? "session" : "system");
        return NULL;
    }
    directory = g_new0(NestBlockerDirectory, 1);
    directory->fd = fd;
    directory->image = g_build_filename(path, IMAGE, NULL);
    return directory;
}

void
nest_blocker_directory_free(NestBlockerDirectory *directory)
{
    if (!directory)
        return;
    unlinkat(directory->fd, IMAGE, 0);
    close(directory->fd);
    g_free(directory->image);
    g_free(directory);
}

static gboolean
write_image(int directory, int fd, const NestBlockerFormat *format)
{
    char bytes[IMAGE_SIZE] = {0};
    char label[LABEL_SIZE];
    ssize_t length = fgetxattr(directory, LABEL, label, sizeof(label));
    struct stat owner;
    ssize_t written = 0;

    for (const Field *field = format->fields; field->bytes; field++)
        memcpy(bytes + field->at, field->bytes, field->length);
    /* With SELinux, libvirt labels the guest's directory and its files with the guest's categories, so that no other guest
     * can open them. A new file inherits only the directory's type, so the label is copied while the file is still root's.
     * If the label cannot be set, arming goes on: QEMU then says whether it can open the image. */
    if (length > 0)
        (void)fsetxattr(fd, LABEL, label, (size_t)length, 0);
    written = write(fd, bytes, format->size);
    if (written >= 0 && (gsize)written < format->size)
        errno = ENOSPC;
    return written == (ssize_t)format->size && fstat(directory, &owner) == 0 &&
           fchown(fd, owner.st_uid, owner.st_gid) == 0;
}

const char *
nest_blocker_directory_put(NestBlockerDirectory *directory, const NestBlockerFormat *format,
                           GError **error)
{
    int fd = -1;
    int problem = 0;

    unlinkat(directory->fd, IMAGE, 0);
    fd = openat(directory->fd, IMAGE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || !write_image(directory->fd, fd, format))
        problem = errno;
    if (fd >= 0 && close(fd) < 0 && problem == 0)
        problem = errno;
    if (problem == 0)
        return directory->image;
    g_set_error(
        error, NEST_ERROR, NEST_ERROR_GUARD,
        "cannot write %s, %" G_GSIZE_FORMAT
        " bytes: %s; make its directory writable, with room on its disk; virtnestd tries again soon",
        directory->image, format->size, g_strerror(problem));
    return NULL;
}
