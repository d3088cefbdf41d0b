-- Run once, by the image, when the data folder is made. The database of the tools service is made by POSTGRES_DB.
CREATE DATABASE qmcp_access;
CREATE DATABASE qmcp_hitl;
