module poolscope.example/peers

go 1.21
