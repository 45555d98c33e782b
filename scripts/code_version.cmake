# cmake -DNAMES=A;B -DA=a.cc;b.cc -DB=... -DOUT=FILE -P code_version.cmake: a header with a constant of each name, which
# names the contents of its sources.
set(header "#pragma once\n")
foreach(name IN LISTS NAMES)
  set(text "")
  foreach(source IN LISTS ${name})
    file(SHA256 ${source} hash)
    string(APPEND text ${hash})
  endforeach()
  string(SHA256 version "${text}")
  string(APPEND header "\ninline constexpr const char* ${name} = \"${version}\";\n")
endforeach()
file(WRITE ${OUT} "${header}")
