#include "tools/formats/names.h"

#include <libpsl.h>
#include <string.h>

#define LABEL_BYTES_MAX 63

/* In order of bytes, for the search by halves; a test sees to it. No "com": as the end of a name it is nearly always a domain. */
static const char *const extensions[] = {
    "7z",  "ace",  "apk",  "appx",  "arj",  "asp",  "aspx", "bat",  "bin",  "bz2",  "cab",  "chm",  "cmd",  "cpl",  "dat",
    "deb", "dll",  "dmg",  "doc",   "docm", "docx", "dot",  "dotm", "elf",  "eml",  "exe",  "gz",   "hta",  "htm",  "html",
    "img", "inf",  "ipa",  "iqy",   "iso",  "jar",  "job",  "js",   "jse",  "jsp",  "lnk",  "lzh",  "mht",  "msc",  "msg",
    "msi", "msix", "msp",  "ocx",   "one",  "pdf",  "php",  "pif",  "pkg",  "pl",   "pot",  "potm", "ppam", "pps",  "ppsx",
    "ppt", "pptm", "pptx", "ps1",   "psm1", "pub",  "py",   "pyc",  "rar",  "rb",   "reg",  "rpm",  "rtf",  "scr",  "sct",
    "sh",  "slk",  "svg",  "sys",   "tar",  "tgz",  "tmp",  "txt",  "url",  "vb",   "vbe",  "vbs",  "vhd",  "vhdx", "wll",
    "wsc", "wsf",  "wsh",  "xhtml", "xla",  "xlam", "xll",  "xls",  "xlsb", "xlsm", "xlsx", "xltm", "xz",   "zip",
};

static const char *const everyday[] = {
    "asp.net",      "bitsadmin.exe", "certutil.exe", "cmd.exe",        "conhost.exe", "cscript.exe",  "excel.exe",
    "explorer.exe", "msbuild.exe",   "mshta.exe",    "msiexec.exe",    "net.exe",     "next.js",      "node.js",
    "notepad.exe",  "outlook.exe",   "powerpnt.exe", "powershell.exe", "reg.exe",     "regsvr32.exe", "rundll32.exe",
    "schtasks.exe", "svchost.exe",   "taskkill.exe", "vue.js",         "winword.exe", "wmic.exe",     "wscript.exe",
};

/* Like strcmp of the text in lower case with `word`. */
static int compare(const uint8_t *text, size_t len, const char *word)
{
    int order = 0;
    size_t i = 0;
    for (; i < len && order == 0; i++) {
        const uint8_t c = text[i] >= 'A' && text[i] <= 'Z' ? (uint8_t)(text[i] | 0x20) : text[i];
        order = (int)c - (int)(uint8_t)word[i]; /* ends at the word's NUL at the latest: no text holds one */
    }
    return order != 0 ? order : -(int)(uint8_t)word[i];
}

static bool find(const char *const *words, size_t count, const uint8_t *text, size_t len)
{
    size_t low = 0, high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = compare(text, len, words[middle]);
        if (order == 0) {
            low = high = count + 1;
        } else if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low > count;
}

bool kr_names_is_extension(const uint8_t *extension, size_t len)
{
    return len >= 2 && len <= 5 && find(extensions, sizeof extensions / sizeof extensions[0], extension, len);
}

bool kr_names_is_everyday(const uint8_t *name, size_t len)
{
    return len >= 6 && find(everyday, sizeof everyday / sizeof everyday[0], name, len);
}

bool kr_names_is_top_level(const uint8_t *label, size_t len)
{
    static const char *const reserved[] = {"example", "invalid", "onion", "test"};
    bool known = find(reserved, sizeof reserved / sizeof reserved[0], label, len);
    if (!known && len >= 2 && len <= LABEL_BYTES_MAX && memchr(label, 0, len) == NULL) {
        char name[LABEL_BYTES_MAX + 1];
        for (size_t i = 0; i < len; i++) {
            name[i] = (char)(label[i] >= 'A' && label[i] <= 'Z' ? label[i] | 0x20 : label[i]);
        }
        name[len] = 0;
        known = psl_is_public_suffix2(psl_builtin(), name, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) == 1;
    }
    return known;
}
