module poolscope.org/agent

go 1.19
