/* Levels of log lines, as syslog has them (RFC 5424, section 6.2.1), the five that are used. */
#ifndef KR_NODE_LOG_H
#define KR_NODE_LOG_H

enum kr_log_level { KR_LOG_ERROR = 1, KR_LOG_WARNING = 2, KR_LOG_NOTICE = 3, KR_LOG_INFO = 4, KR_LOG_DEBUG = 5 };

#endif
