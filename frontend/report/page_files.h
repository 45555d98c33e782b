#pragma once

namespace sinter {

// The files of the folder page, which the build puts here (scripts/embed.cmake): page.html, which says where
// the others go, page.css, and all scripts, one behind the other.
extern const char* const kPageFrame;
extern const char* const kPageStyle;
extern const char* const kPageScript;

}  // namespace sinter
