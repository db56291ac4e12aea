// A target needs a source file; everything is inlined from the header.
#include "CVector.h"
