# cmake -DSOURCES=a;b -DOUT=FILE -P code_version.cmake: a header that names the contents of the sources.
set(text "")
foreach(source IN LISTS SOURCES)
  file(SHA256 ${source} hash)
  string(APPEND text ${hash})
endforeach()
string(SHA256 version "${text}")
file(WRITE ${OUT} "#pragma once\n\n// Of the sources that decide what machine code a kernel becomes.\ninline constexpr const char* kCodeVersion = \"${version}\";\n")
