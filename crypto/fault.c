#include "crypto/fault.h"

uint32_t kr_fault_number;
